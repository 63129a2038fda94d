import { assert, property, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeRecord } from "../../../../agent/sources/host/ipmi-records.ts";
import { compactRecord, fullRecord, type ScriptedSensor } from "../../../kit/bmc.ts";

const plain: ScriptedSensor = { number: 7, name: "CPU1 Temp", answer: [0] };

function convert(sensor: Partial<ScriptedSensor>, raw: number): number {
  const [decoded] = decodeRecord(fullRecord(1, { ...plain, ...sensor }));
  if (!decoded?.convert) throw new Error("the sensor gives no number");
  return decoded.convert(raw);
}

describe("a reading", () => {
  test("is (M x + B 10^K1) 10^K2", () => {
    expect(convert({ factors: [100, 0, 0, 0] }, 42)).toBe(4200);
    expect(convert({ factors: [11, 0, 0, -1] }, 1)).toBe(1.1);
    // 60 x 10^-3 + 5 x 10^2 x 10^-3
    expect(convert({ factors: [60, 5, 2, -3] }, 200)).toBeCloseTo(12.5, 10);
    // Ten bits and a sign.
    expect(convert({ factors: [-300, 500, 0, 0] }, 2)).toBe(-100);
    expect(convert({ factors: [1, -512, 0, 0] }, 0)).toBe(-512);
  });

  test("is unsigned, one's or two's complement as the record says", () => {
    expect(convert({ units: [0x00, 1] }, 0xfb)).toBe(251);
    expect(convert({ units: [0x40, 1] }, 0xfb)).toBe(-4);
    expect(convert({ units: [0x80, 1] }, 0xfb)).toBe(-5);
  });

  test.each([
    [1, Math.log(8)],
    [2, Math.log10(8)],
    [3, 3],
    [4, Math.exp(8)],
    [5, 1e8],
    [6, 256],
    [7, 0.125],
    [8, 64],
    [9, 512],
    [10, Math.sqrt(8)],
    [11, 0.5],
  ])("goes through function %d of the specification", (linearization, expected) => {
    expect(convert({ linearization }, 8)).toBeCloseTo(expected, 6);
  });

  test("is none where the record says so, and where the factors change with it", () => {
    for (const odd of [{ units: [0xc0, 1] as const }, { linearization: 0x70 }]) {
      const [decoded] = decodeRecord(fullRecord(1, { ...plain, ...odd }));
      expect(decoded?.convert).toBeNull();
    }
  });
});

describe("a record", () => {
  test("says its sensor's name, number and what it belongs to", () => {
    expect(decodeRecord(fullRecord(1, { ...plain, lun: 1, entity: [55, 0x81] }))).toMatchObject([
      { number: 7, lun: 1, name: "CPU1 Temp", part: "air_inlet_1" },
    ]);
    expect(decodeRecord(fullRecord(1, { ...plain, entity: [200, 2] }))).toMatchObject([
      { part: "entity_200_2" },
    ]);
  });

  test("that is shared stands for sensors with consecutive numbers, names and instances", () => {
    const sensor = { ...plain, name: "PSU", entity: [10, 1] as const };
    expect(decodeRecord(compactRecord(1, sensor, 3))).toMatchObject([
      { number: 7, name: "PSU1", part: "power_supply_1" },
      { number: 8, name: "PSU2", part: "power_supply_2" },
      { number: 9, name: "PSU3", part: "power_supply_3" },
    ]);
  });

  test("has its name in 8 bits, in digits or packed into 6 bits, without control characters", () => {
    const named = (head: number, ...bytes: number[]): string => {
      const record = Buffer.concat([
        fullRecord(1, plain).subarray(0, 47),
        Buffer.of(head, ...bytes),
      ]);
      return decodeRecord(record)[0]?.name ?? "";
    };
    expect(named(0xc3, 0x41, 0x07, 0x42)).toBe("A B");
    expect(named(0x42, 0x12, 0x3b)).toBe("123-");
    // The specification's own example: "IPMI" is 29h DCh A6h.
    expect(named(0x83, 0x29, 0xdc, 0xa6)).toBe("IPMI");
    expect(named(0xc0)).toBe("sensor 7");
    // Longer than the record: what is there counts.
    expect(named(0xdf, 0x41)).toBe("A");
  });

  test("of another controller says so", () => {
    expect(decodeRecord(fullRecord(1, plain))).toMatchObject([{ isOwn: true }]);
    expect(decodeRecord(fullRecord(1, { ...plain, owner: 0x2c }))).toMatchObject([
      { isOwn: false },
    ]);
  });

  test("of another kind or cut short tells of no sensor", () => {
    const locator = fullRecord(1, plain);
    locator[3] = 0x11;
    expect(decodeRecord(locator)).toEqual([]);
    expect(decodeRecord(fullRecord(1, plain).subarray(0, 47))).toEqual([]);
  });

  test("of any bytes crashes nothing", () => {
    assert(
      property(uint8Array({ maxLength: 80 }), (bytes) => {
        const record = Buffer.from(bytes);
        if (record.length > 5) record[5] = 0x20;
        for (const kind of [1, 2]) {
          if (record.length > 3) record[3] = kind;
          for (const { convert, number } of decodeRecord(record)) {
            expect(number).toBeLessThan(256);
            expect(typeof (convert?.(255) ?? 0)).toBe("number");
          }
        }
      }),
    );
  });
});
