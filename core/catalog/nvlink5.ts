/** What an NVLink 5 error (XIDs 144 to 150) means: the unit, the sub-code and the two status words of its message, looked up in `nvlink5-table.ts`. */
import { nvlink5Table } from "./nvlink5-table.ts";
import type { XidAction } from "./xid.ts";

export interface Nvlink5Error {
  readonly unit: string;
  readonly subcode: number;
  /** The link's number on its GPU; -1 where it concerns them all. */
  readonly link: number;
  readonly action: XidAction;
  /** `link` costs the link, `fatal` the GPU's whole NVLink. */
  readonly severity: "nonfatal" | "link" | "fatal";
}

interface Rule {
  readonly xid: number;
  readonly units: readonly string[];
  readonly subcode: number;
  /** The unit's low bits of the first word, in its first and second layout. */
  readonly lowBits: readonly LowBits[];
  readonly status: number;
  readonly action: XidAction;
  readonly severity: Nvlink5Error["severity"];
}

interface LowBits {
  readonly mask: number;
  readonly value: number;
}

const actions = ["ignore", "reset_gpu", "see_message"] as const satisfies readonly XidAction[];
const severities = ["nonfatal", "link", "fatal"] as const;

const rules = nvlink5Table.trim().split("\n").map(parseRule);

/** `…, NETIR_LINK_EVT Fatal XC0 i0 Link 08 (0x004505c6 0x00000000 …)`, with a process before it or not. */
const messagePattern =
  /([A-Z][A-Z_0-9]*(?:\/[A-Z_0-9]+)*)\s+(?:Nonfatal|Fatal)\s+XC[01]\s+i\d+\s+Link\s+(-?\d+)\s+\(0x([0-9a-f]{1,8})\s+0x([0-9a-f]{1,8})/i;

/** Undefined for a message of another form, and for a cause the table doesn't list: the XID's own action holds then. */
export function decodeNvlink5(xid: number, message: string): Nvlink5Error | undefined {
  const match = messagePattern.exec(message);
  if (!match) return undefined;
  const [, unit = "", link = "", first = "", second = ""] = match;
  const information = Number.parseInt(first, 16);
  const status = Number.parseInt(second, 16);
  const names = namesOf(unit);
  const subcode = (information >>> 20) & 0x3f;
  const rule = rules.find(
    (each) =>
      each.xid === xid &&
      each.subcode === subcode &&
      each.status === status &&
      each.units.some((name) => names.includes(name)) &&
      each.lowBits.some(({ mask, value }) => (information & mask) === value),
  );
  if (!rule) return undefined;
  const { action, severity } = rule;
  return { unit, subcode, link: Number(link), action, severity };
}

function parseRule(row: string): Rule {
  const [xid, units = "", subcode, first = "", second = "", status = "", action, severity] =
    row.split(" ");
  const knownAction = actions.find((each) => each === action);
  const knownSeverity = severities.find((each) => each === severity);
  if (!knownAction || !knownSeverity) throw new RangeError(`NVLink 5 table: "${row}"`);
  return {
    xid: Number(xid),
    units: namesOf(units),
    subcode: Number(subcode),
    lowBits: [first, second].map((bits) => ({
      mask: 2 ** bits.length - 1,
      value: Number.parseInt(bits, 2),
    })),
    status: Number.parseInt(status, 16),
    action: knownAction,
    severity: knownSeverity,
  };
}

/** A unit goes by several names, written with a slash. */
function namesOf(unit: string): string[] {
  return unit.toUpperCase().split("/");
}
