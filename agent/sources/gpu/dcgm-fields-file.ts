/**
 * A file of fields as dcgm-exporter's `--collectors` takes it: a line for each, `field, type, help`, where the type is gauge,
 * counter or label, and `#` begins a comment. A line that can't be taken is named, and the others are.
 */
import { readFileSync, statSync } from "node:fs";
import { gpuHealth } from "../../../core/catalog/dcgm.ts";
import { findDcgmField } from "../../../core/catalog/dcgm-fields.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import type { ChosenField } from "./dcgm-choice.ts";

export interface FieldsFile {
  readonly fields: readonly ChosenField[];
  /** A sentence for each line that isn't taken; it begins with the file and the line. */
  readonly problems: readonly string[];
}

export interface KeptFieldsFile {
  /** What it holds now; the same object while it stays as it is. Throws CONFIG_UNREADABLE where it was never read. */
  read(): FieldsFile;
  /** Why the file can't be read any more, while what it held is kept; null while it can. */
  readonly failure: string | null;
}

const maximumBytes = 1024 * 1024;
const maximumFields = 512;
const kinds: ReadonlySet<string> = new Set(["gauge", "counter", "label"]);

/** Names that dcgm-exporter makes itself rather than reads: what tells the same here; null for what has the same name. */
const ownNames: Readonly<Record<string, string | null>> = {
  [gpuHealth.name]: null,
  DCGM_EXP_XID_ERRORS_COUNT: "XIDs are counted from the kernel's log, without being asked",
  DCGM_EXP_CLOCK_EVENTS_COUNT: "what holds clocks down is told by reason, without being asked",
  DCGM_EXP_P2P_STATUS: "the state of links is told link by link, without being asked",
};

export function parseFields(text: string, file: string): FieldsFile {
  const fields: ChosenField[] = [];
  const problems: string[] = [];
  const seen = new Set<number>();
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === "" || line.trimStart().startsWith("#")) return;
    const taken = parseLine(line);
    if (taken === null) return;
    const problem = typeof taken === "string" ? taken : refusalOf(taken, seen, fields.length);
    if (problem !== null) problems.push(`${file}, line ${index + 1}: ${problem}`);
    else if (typeof taken !== "string") {
      seen.add(taken.id);
      fields.push({ ...taken, line: index + 1 });
    }
  });
  return { fields, problems };
}

/** Reads it anew when it was written anew. */
export function createFieldsFile(path: string): KeptFieldsFile {
  let stamp = "";
  let held: FieldsFile | null = null;
  let failure: string | null = null;
  return {
    get failure() {
      return failure;
    },
    read() {
      try {
        const { mtimeMs, size, ino } = statSync(path);
        const now = `${mtimeMs} ${size} ${ino}`;
        if (held === null || now !== stamp) {
          if (size > maximumBytes) throw new Error(`it is larger than ${maximumBytes} bytes`);
          held = parseFields(readFileSync(path, "utf8"), path);
          stamp = now;
        }
        failure = null;
        return held;
      } catch (cause) {
        failure = `${path} can't be read: ${describeError(cause)}`;
        if (held === null) throw new WarpwatchError("CONFIG_UNREADABLE", failure, { cause });
        return held;
      }
    },
  };
}

/** A string where it can't be taken: why. Null where there is nothing to do. */
function parseLine(line: string): ChosenField | string | null {
  const [name = "", kind, ...rest] = line.split(",").map((part) => part.trim());
  if (kind === undefined || rest.length === 0)
    return "three columns are needed: field, type and help";
  const own = Object.hasOwn(ownNames, name) ? ownNames[name] : undefined;
  if (own === null) return null;
  if (own !== undefined) return `${name} is no field of DCGM: ${own}`;
  const field = findDcgmField(name);
  if (!field) return `DCGM has no field ${JSON.stringify(name.slice(0, 80))}`;
  if (!isKind(kind)) return `${JSON.stringify(kind.slice(0, 20))} is none of gauge, counter, label`;
  const help = rest
    .join(", ")
    .replace(/^"(.*)"$/, "$1")
    .replaceAll('""', '"');
  return { ...field, kind, help, line: 0 };
}

function refusalOf(field: ChosenField, seen: ReadonlySet<number>, count: number): string | null {
  if (seen.has(field.id)) return `${field.name} is there already`;
  return count >= maximumFields ? `it is beyond the ${maximumFields} fields that are read` : null;
}

function isKind(text: string): text is ChosenField["kind"] {
  return kinds.has(text);
}
