/** What an SXID, an error of an NVSwitch, means and what it costs; the rows are in `sxid-table.ts`. */
import { sxidTable } from "./sxid-table.ts";

/** `fabric`: every GPU of the fabric has to be reset; `port`: fatal to what is behind the port; `none`: the switch goes on. */
export type SxidScope = "fabric" | "port" | "none";

export interface Sxid {
  readonly code: number;
  readonly description: string;
  readonly scope: SxidScope;
}

const sxids: ReadonlyMap<number, Sxid> = new Map(
  sxidTable
    .trim()
    .split("\n")
    .map(parseRow)
    .map((sxid) => [sxid.code, sxid]),
);

/** Every code in the table, ascending. */
export const sxidCodes: readonly number[] = [...sxids.keys()];

/** Undefined for a code that isn't in the table: the message itself says whether it is fatal. */
export function findSxid(code: number): Sxid | undefined {
  return sxids.get(code);
}

function parseRow(row: string): Sxid {
  const [code = "", scope = "", description = ""] = row.split(" | ");
  if (scope !== "fabric" && scope !== "port" && scope !== "none")
    throw new RangeError(`SXID table: no such scope in "${row}"`);
  return { code: Number(code), description, scope };
}
