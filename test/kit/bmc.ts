/** A BMC as lines for the stand-in library: what it answers to each request, with records in the specification's layout. */

export interface ScriptedSensor {
  readonly number: number;
  readonly name: string;
  readonly lun?: number;
  readonly owner?: number;
  readonly entity?: readonly [id: number, instance: number];
  readonly type?: number;
  readonly readingType?: number;
  /** `[7:6]` the format of the number, `[0]` percentage. */
  readonly units?: readonly [bits: number, base: number];
  /** M, B, the exponent of B and that of the result. */
  readonly factors?: readonly [number, number, number, number];
  readonly linearization?: number;
  /** The reading, the flags and the states; null where the BMC refuses. */
  readonly answer: readonly number[] | null;
}

/** A full record; everything that isn't said is 0. */
export function fullRecord(id: number, sensor: ScriptedSensor): Buffer {
  const name = Buffer.from(sensor.name, "latin1");
  const record = Buffer.alloc(48 + name.length);
  writeCommon(record, id, 1, sensor);
  const [multiplier, offset, offsetExponent, resultExponent] = sensor.factors ?? [1, 0, 0, 0];
  record[23] = sensor.linearization ?? 0;
  record[24] = multiplier & 0xff;
  record[25] = (multiplier >> 2) & 0xc0;
  record[26] = offset & 0xff;
  record[27] = (offset >> 2) & 0xc0;
  record[29] = ((resultExponent & 0x0f) << 4) | (offsetExponent & 0x0f);
  record[47] = 0xc0 | name.length;
  name.copy(record, 48);
  return record;
}

/** A compact record that stands for so many sensors. */
export function compactRecord(id: number, sensor: ScriptedSensor, count = 1): Buffer {
  const name = Buffer.from(sensor.name, "latin1");
  const record = Buffer.alloc(32 + name.length);
  writeCommon(record, id, 2, sensor);
  record[23] = count;
  // Each has an instance of its own, and its number begins at 1.
  record[24] = 0x80 | 1;
  record[31] = 0xc0 | name.length;
  name.copy(record, 32);
  return record;
}

function writeCommon(record: Buffer, id: number, type: number, sensor: ScriptedSensor): void {
  const [entity, instance] = sensor.entity ?? [7, 1];
  const [unitBits, base] = sensor.units ?? [0, 1];
  record.writeUInt16LE(id, 0);
  record[2] = 0x51;
  record[3] = type;
  record[4] = record.length - 5;
  record[5] = sensor.owner ?? 0x20;
  record[6] = sensor.lun ?? 0;
  record[7] = sensor.number;
  record[8] = entity;
  record[9] = instance;
  record[12] = sensor.type ?? 1;
  record[13] = sensor.readingType ?? 1;
  record[20] = unitBits;
  record[21] = base;
}

export interface ScriptedBmc {
  readonly records: readonly Buffer[];
  readonly sensors: readonly ScriptedSensor[];
  /** Lines for other requests, or in place of those below. */
  readonly lines?: readonly string[];
  readonly revision?: number;
}

/** The script. A line that comes first counts. */
export function scriptOf({ records, sensors, lines = [], revision = 1 }: ScriptedBmc): string {
  const word = (value: number): string => hexadecimal([value & 0xff, value >> 8]);
  const repository = hexadecimal([0x51, records.length, 0, 0, 0, revision, 0, 0, 0, 0, 0, 0, 0, 2]);
  const parts = records.flatMap((record, index) => {
    const id = index === 0 ? 0 : record.readUInt16LE(0);
    const next = records[index + 1]?.readUInt16LE(0) ?? 0xffff;
    const part = (offset: number, bytes: number): string =>
      `0a 23 00 3412${word(id)}${hexadecimal([offset, bytes])} = 00${word(next)}${record.toString("hex", offset, offset + bytes)}`;
    const rest: string[] = [];
    for (let offset = 5; offset < record.length; offset += 16)
      rest.push(part(offset, Math.min(16, record.length - offset)));
    return [part(0, 5), ...rest];
  });
  const readings = sensors.map(({ number, lun = 0, answer }) => {
    const request = `04 2d ${hexadecimal([lun])} ${hexadecimal([number])}`;
    return `${request} = ${answer === null ? "cb" : `00${hexadecimal(answer)}`}`;
  });
  return [
    ...lines,
    `0a 20 00 - = 00${repository}`,
    "0a 22 00 - = 003412",
    // Firmware 2.13, IPMI 2.0, maker 10876, product 2437.
    "06 01 00 - = 0020010213028f7c2a008509",
    // On, with a cooling fault.
    "00 01 00 - = 0001000800",
    // 300 entries, 1,024 bytes free, overflowed.
    "0a 40 00 - = 00512c01000400000000000000008a",
    // 1,500 W now, 300 to 2,000, 1,200 on average; it measures.
    "2c 02 00 dc010000 = 00dcdc052c01d007b004000000001027000040",
    ...parts,
    ...readings,
  ].join("\n");
}

function hexadecimal(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString("hex");
}
