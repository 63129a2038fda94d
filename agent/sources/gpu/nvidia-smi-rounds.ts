/** nvidia-smi's looping CSV as rounds: one row per GPU, again and again, with nothing between two rounds. */
import { identityNames, nameField, type Field } from "./nvidia-smi-fields.ts";
import { readText, saysLost } from "./nvidia-smi-values.ts";

/** What to ask for, and where each answer stands in a row. */
export interface Layout {
  readonly query: string;
  readonly columns: ReadonlyMap<string, number>;
  readonly length: number;
}

export interface Row {
  readonly index: number;
  /** Empty where the driver no longer knows it. */
  readonly uuid: string;
  readonly pciBusId: string;
  readonly model: string;
  readonly driverVersion: string;
  readonly serial: string;
  readonly vbiosVersion: string;
  readonly lost: boolean;
  readonly cells: readonly string[];
}

export interface RoundReader {
  /** Takes one line; returns the rows of a round when this line completed one, or "no row" for a line of another kind. */
  take(line: string): readonly Row[] | "no row" | undefined;
}

/** A node holds far fewer; a stream that never completes a round must not grow without end. */
const maximumGpus = 64;

/** The names in the help text: each property stands quoted at the start of a line, with its other names after `or`. */
export function readFieldNames(help: string): Set<string> {
  const names = new Set<string>();
  for (const line of help.split("\n")) {
    const match = /^("[\w.]+"(?: or "[\w.]+")*)\s*$/.exec(line);
    for (const quoted of match?.[1]?.matchAll(/"([\w.]+)"/g) ?? []) names.add(quoted[1] ?? "");
  }
  return names;
}

/** Only what the program lists is asked for: one field it doesn't know fails the whole command. */
export function chooseLayout(fields: readonly Field[], listed: ReadonlySet<string>): Layout {
  const asked: string[] = identityNames.filter((name) => listed.has(name));
  for (const field of fields) {
    const name = field.names.find((each) => listed.has(each));
    if (name !== undefined) asked.push(name);
  }
  if (listed.has(nameField)) asked.push(nameField);
  return {
    query: asked.join(","),
    columns: new Map(asked.map((name, position) => [name, position])),
    length: asked.length,
  };
}

/**
 * A round is complete when as many rows have come as the driver says there are GPUs,
 * or when a GPU comes again: then the rows before it were all there are.
 * `expectedRows` overrides the driver's count when only some GPUs were asked for.
 */
export function createRoundReader(layout: Layout, expectedRows?: number): RoundReader {
  let rows: Row[] = [];

  function finish(): readonly Row[] {
    const complete = rows;
    rows = [];
    return complete;
  }

  return {
    take(line) {
      const row = readRow(layout, line);
      if (!row) return "no row";
      const repeats = rows.some((each) => each.index === row.index);
      const previous = repeats || rows.length >= maximumGpus ? finish() : undefined;
      rows.push(row);
      const expected = expectedRows ?? Number(row.cells[layout.columns.get("count") ?? -1]);
      return rows.length === expected ? finish() : previous;
    },
  };
}

function readRow(layout: Layout, line: string): Row | undefined {
  const parts = line.split(",").map((part) => part.trim());
  if (parts.length < layout.length || layout.length === 0) return undefined;
  const cells = parts.slice(0, layout.length - 1);
  const text = (name: string): string => readText(cells[layout.columns.get(name) ?? -1] ?? "");
  const index = text("index");
  if (!/^\d+$/.test(index)) return undefined;
  const model = readText(unquote(parts.slice(layout.length - 1).join(", ")));
  return {
    index: Number(index),
    uuid: text("uuid").startsWith("GPU-") ? text("uuid") : "",
    pciBusId: text("pci.bus_id"),
    model,
    driverVersion: text("driver_version"),
    serial: text("serial"),
    vbiosVersion: text("vbios_version"),
    lost: parts.some(saysLost),
    cells,
  };
}

function unquote(text: string): string {
  return text.replace(/^"(.*)"$/, "$1");
}
