import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  fieldValueTypes,
  layouts,
  readNumber,
  type Layout,
} from "../../../../agent/probes/nvml/layouts.ts";

const header = readFileSync(new URL("../../../standins/nvml/layouts.h", import.meta.url), "utf8");

/** What gcc has asserted when it compiled the stand-in. */
function asserted(pattern: RegExp): Map<string, number> {
  return new Map(
    [...header.matchAll(pattern)].map(([, name = "", value = ""]) => [name, Number(value)]),
  );
}

const sizes = asserted(/^SIZE\((\w+), (\d+)\);/gm);
const offsets = asserted(/^AT\((\w+, \w+), (\d+)\);/gm);
const versions = asserted(/^VERSION\((\w+), \d+, (0x[0-9a-f]+)u\);/gm);

const names: Readonly<Record<string, string>> = {
  pciInfo: "PciInfo",
  utilization: "Utilization",
  memory: "Memory",
  memoryV2: "MemoryV2",
  bar1Memory: "Bar1Memory",
  processInfo: "ProcessInfo",
  processUtilization: "ProcessUtilization",
  attributes: "Attributes",
  repairStatus: "RepairStatus",
  unrepairableMemory: "UnrepairableMemory",
  remapHistogram: "RemapHistogram",
  marginTemperature: "MarginTemperature",
  temperature: "Temperature",
  sramStatus: "SramStatus",
  platformInfo: "PlatformInfo",
  fieldValue: "FieldValue",
  eventData: "EventData",
  fabricInfo: "FabricInfo",
  gpmMetric: "GpmMetric",
  gpmSupport: "GpmSupport",
};
const all: Readonly<Record<string, Layout>> = layouts;

describe("NVML's layouts", () => {
  test.each(Object.entries(names))("%s is what the compiler says of it", (name, type) => {
    const layout = all[name];
    expect(layout?.bytes).toBe(sizes.get(type));
    const members = Object.entries(layout?.at ?? {});
    const known = members.filter(([member]) => offsets.has(`${type}, ${member}`));
    expect(known.map(([, at]) => at)).toEqual(
      known.map(([member]) => offsets.get(`${type}, ${member}`)),
    );
    if (versions.has(type)) expect(layout?.version).toBe(versions.get(type));
  });

  test("every structure has its asserted twin, but those that are a part or an older form of one", () => {
    const others = Object.keys(layouts).filter((name) => !(name in names));
    expect(others).toEqual(["fabricInfoV2", "gpmRequest"]);
    expect([layouts.fabricInfoV2.version, layouts.fabricInfoV2.bytes]).toEqual([0x02000024, 36]);
    expect(layouts.gpmRequest.at.metrics).toBe(offsets.get("GpmRequest, metrics"));
    expect(layouts.gpmRequest.bytes).toBe(layouts.gpmRequest.at.metrics);
  });

  test("a version's word holds the structure's size", () => {
    const versioned = Object.values(all).filter((layout) => (layout.version ?? 0) > 0xffffff);
    expect(versioned.length).toBeGreaterThan(5);
    for (const { version = 0, bytes } of versioned) expect(version & 0xffffff).toBe(bytes);
  });
});

describe("a number in a structure", () => {
  const bytes = new DataView(new ArrayBuffer(8));

  test("of 64 bits is read exactly as far as a sample can hold it", () => {
    bytes.setBigUint64(0, 2n ** 53n - 1n, true);
    expect(readNumber(bytes, 0, "u64")).toBe(2 ** 53 - 1);
    bytes.setBigInt64(0, -3n, true);
    expect(readNumber(bytes, 0, "i64")).toBe(-3);
  });

  test("of a field is read by the type that the driver gives", () => {
    bytes.setFloat64(0, 1.5, true);
    expect(readNumber(bytes, 0, fieldValueTypes[0] ?? "u8")).toBe(1.5);
    bytes.setInt32(0, -8, true);
    expect(readNumber(bytes, 0, fieldValueTypes[5] ?? "u8")).toBe(-8);
  });
});
