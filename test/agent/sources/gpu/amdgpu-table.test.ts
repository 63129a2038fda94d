import { assert, integer, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import {
  readTableField,
  readTableLink,
  violationKinds,
  type TableField,
} from "../../../../agent/sources/gpu/amdgpu-table.ts";

const fields: readonly TableField[] = [
  "energy",
  "pcieRecoveries",
  "pcieReplays",
  "pcieRollovers",
  "pcieNaksSent",
  "pcieNaksReceived",
  ...violationKinds,
];

/** Sizes as `sizeof` gives them for each revision of kgd_pp_interface.h. */
const sizes: Readonly<Record<number, number>> = {
  3: 120,
  4: 288,
  5: 328,
  6: 1664,
  7: 2208,
  8: 3360,
};

/** A table that says at each byte where it stands: a wide number at 24 is 0x1f1e…18. */
function numbered(revision: number): Buffer {
  const table = Buffer.from(Array.from({ length: sizes[revision] ?? 0 }, (_, at) => at & 0x7f));
  table.writeUInt16LE(table.length, 0);
  table.set([1, revision], 2);
  return table;
}

/** Where the number that was read stood, by its lowest byte. */
function placeOf(value: number): number {
  return Number.isNaN(value) ? -1 : Number(BigInt(value) & 0x7fn);
}

test("reads every number from where its revision has it", () => {
  const places = (revision: number): Partial<Record<TableField, number>> => {
    const table = numbered(revision);
    const narrow = new Set<TableField>(["pcieNaksSent", "pcieNaksReceived", ...violationKinds]);
    return Object.fromEntries(
      fields
        .filter((field) => narrow.has(field))
        .map((field) => [field, placeOf(readTableField(table, field))])
        .filter(([, place]) => place !== -1),
    );
  };
  expect(places(4)).toEqual({});
  expect(places(5)).toEqual({ pcieNaksSent: 136 & 0x7f, pcieNaksReceived: 140 & 0x7f });
  expect(places(6)).toMatchObject({ processor_hot: 36, ppt: 40, hbm_thermal: 52 });
  expect(places(7)).toEqual(places(8));
  expect(places(8)).toMatchObject({ processor_hot: 44, ppt: 48, pcieNaksReceived: 132 & 0x7f });
});

test("reads the wide counters of each revision", () => {
  const offsets: readonly (readonly [
    revision: number,
    energy: number,
    replays: number,
    link7: number,
  ])[] = [
    [4, 24, 88, 104 + 56],
    [5, 56, 120, 144 + 56],
    [6, 16, 104, 128 + 56],
    [7, 24, 112, 136 + 56],
    [8, 24, 112, 136 + 56],
  ];
  for (const [revision, energy, replays, link7] of offsets) {
    const table = numbered(revision);
    table.writeBigUInt64LE(11n, energy);
    table.writeBigUInt64LE(22n, replays);
    table.writeBigUInt64LE(33n, link7);
    table.writeBigUInt64LE(44n, link7 + 64);
    expect(readTableField(table, "energy")).toBe(11);
    expect(readTableField(table, "pcieReplays")).toBe(22);
    expect(readTableLink(table, 7, "linkRead")).toBe(33);
    expect(readTableLink(table, 7, "linkWritten")).toBe(44);
  }
});

test("leaves out what the firmware didn't fill in and revisions that it doesn't know", () => {
  const unset = numbered(6).fill(0xff, 4);
  expect(fields.filter((field) => !Number.isNaN(readTableField(unset, field)))).toEqual([]);
  expect(readTableLink(unset, 0, "linkRead")).toBeNaN();
  for (const header of [
    [1, 9],
    [2, 4],
    [3, 0],
  ]) {
    const other = numbered(7);
    other.set(header, 2);
    expect(readTableField(other, "energy")).toBeNaN();
  }
});

test("never throws, whatever bytes there are, and never reads past their end", () => {
  assert(
    property(uint8Array({ maxLength: 400 }), integer({ min: 0, max: 9 }), (bytes, revision) => {
      const table = Buffer.from(bytes);
      if (table.length >= 4) {
        table.writeUInt16LE(table.length, 0);
        table.set([1, revision], 2);
      }
      for (const field of fields) expect(readTableField(table, field)).not.toBeLessThan(0);
      expect(readTableLink(table, 7, "linkWritten")).not.toBeLessThan(0);
    }),
  );
});
