/** Counters of AMD's data-centre GPUs that stand only in the binary table `gpu_metrics`; layouts by its revision as the kernel's kgd_pp_interface.h has them. */

export type TableField =
  | "energy"
  | "pcieRecoveries"
  | "pcieReplays"
  | "pcieRollovers"
  | "pcieNaksSent"
  | "pcieNaksReceived"
  | Violation;

/** What holds the clocks down, as the firmware counts it. */
export const violationKinds = [
  "processor_hot",
  "ppt",
  "socket_thermal",
  "vr_thermal",
  "hbm_thermal",
] as const;
type Violation = (typeof violationKinds)[number];

interface Layout {
  /** Numbers of eight bytes, then those of four, by where they stand. */
  readonly wide: Partial<Record<TableField, number>>;
  readonly narrow: Partial<Record<TableField, number>>;
  /** Where the counts of the first XGMI link stand. */
  readonly linkRead?: number;
  readonly linkWritten?: number;
}

export const linkCount = 8;
/** The table is filled with ones before the firmware's values are put in. */
const unsetWide = 0xffff_ffff_ffff_ffffn;
const unsetNarrow = 0xffff_ffff;

/** Content revisions of format 1; the others are of graphics cards and APUs, whose values the other files have. */
const layouts: Readonly<Record<number, Layout>> = {
  3: { wide: { energy: 24 }, narrow: {} },
  4: {
    wide: { energy: 24, pcieRecoveries: 80, pcieReplays: 88, pcieRollovers: 96 },
    narrow: {},
    linkRead: 104,
    linkWritten: 168,
  },
  5: {
    wide: { energy: 56, pcieRecoveries: 112, pcieReplays: 120, pcieRollovers: 128 },
    narrow: { pcieNaksSent: 136, pcieNaksReceived: 140 },
    linkRead: 144,
    linkWritten: 208,
  },
  6: {
    wide: { energy: 16, pcieRecoveries: 96, pcieReplays: 104, pcieRollovers: 112 },
    narrow: { ...violationsFrom(36), pcieNaksSent: 120, pcieNaksReceived: 124 },
    linkRead: 128,
    linkWritten: 192,
  },
  7: withBandwidth(),
  8: withBandwidth(),
};

/** The number in the table; NaN where this revision, or this GPU, has none. */
export function readTableField(table: Buffer, field: TableField): number {
  const layout = layoutOf(table);
  const wide = layout?.wide[field];
  if (wide !== undefined) return readWide(table, wide);
  const narrow = layout?.narrow[field];
  if (narrow === undefined || narrow + 4 > table.length) return Number.NaN;
  const value = table.readUInt32LE(narrow);
  return value === unsetNarrow ? Number.NaN : value;
}

/** KiB over one XGMI link since the driver was loaded. */
export function readTableLink(
  table: Buffer,
  link: number,
  direction: "linkRead" | "linkWritten",
): number {
  const first = layoutOf(table)?.[direction];
  return first === undefined ? Number.NaN : readWide(table, first + link * 8);
}

/** By the header: the size in two bytes, the format's revision, the content's. */
function layoutOf(table: Buffer): Layout | undefined {
  if (table.length < 4 || table.readUInt16LE(0) > table.length || table[2] !== 1) return undefined;
  return layouts[table[3] ?? 0];
}

function readWide(table: Buffer, offset: number): number {
  if (offset + 8 > table.length) return Number.NaN;
  const value = table.readBigUInt64LE(offset);
  return value === unsetWide ? Number.NaN : Number(value);
}

function violationsFrom(first: number): Partial<Record<TableField, number>> {
  return Object.fromEntries(violationKinds.map((kind, index) => [kind, first + index * 4]));
}

function withBandwidth(): Layout {
  return {
    wide: { energy: 24, pcieRecoveries: 104, pcieReplays: 112, pcieRollovers: 120 },
    narrow: { ...violationsFrom(44), pcieNaksSent: 128, pcieNaksReceived: 132 },
    linkRead: 136,
    linkWritten: 200,
  };
}
