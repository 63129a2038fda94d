/** DCGM's fields by name and by number, as NVIDIA's dcgm_fields.h has them. */
import { dcgmFieldsTable } from "./dcgm-fields-table.ts";

export interface DcgmField {
  readonly id: number;
  /** As it was asked for; a number's is the one that dcgm-exporter knows. */
  readonly name: string;
}

const prefix = "DCGM_FI_";
/** Field numbers are of 16 bits. */
const highestId = 0xffff;

const idsByName = new Map<string, number>();
const namesById = new Map<number, string>();
for (const entry of dcgmFieldsTable.trim().split(/[|\n]/)) {
  const [number = "", ...names] = entry.trim().split(" ");
  namesById.set(Number(number), `${prefix}${names[0]}`);
  for (const name of names) idsByName.set(`${prefix}${name}`, Number(number));
}

/** By any of its names, or by its number, which may be newer than the table; undefined for what can be no field. */
export function findDcgmField(text: string): DcgmField | undefined {
  const id = /^\d+$/.test(text) ? Number(text) : idsByName.get(text);
  if (id === undefined || id === 0 || id > highestId) return undefined;
  return { id, name: idsByName.has(text) ? text : (namesById.get(id) ?? `${prefix}${id}`) };
}
