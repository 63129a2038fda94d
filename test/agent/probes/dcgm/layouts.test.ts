import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { entityGroups, layouts, type Layout } from "../../../../agent/probes/dcgm/layouts.ts";

const header = readFileSync(new URL("../../../standins/dcgm/layouts.h", import.meta.url), "utf8");

/** What gcc has asserted when it compiled the stand-in. */
function asserted(pattern: RegExp): Map<string, number> {
  return new Map(
    [...header.matchAll(pattern)].map(([, name = "", value = ""]) => [name, Number(value)]),
  );
}

const sizes = asserted(/^SIZE\((\w+), (\d+)\);/gm);
const offsets = asserted(/^AT\((\w+, \w+), (\d+)\);/gm);
const versions = asserted(/^VERSION\((\w+), \d+, (0x[0-9a-f]+)u\);/gm);
const all: Readonly<Record<string, Layout>> = layouts;

const names: Readonly<Record<string, string>> = {
  connect: "Connect",
  startEmbedded: "StartEmbedded",
  versionInfo: "VersionInfo",
  entity: "Entity",
  fieldValue: "FieldValue",
  fieldMeta: "FieldMeta",
  healthSet: "HealthSet",
  healthResponse: "HealthResponse",
  healthResponseV4: "HealthResponseV4",
  incident: "Incident",
  errorDetail: "ErrorDetail",
  migHierarchy: "MigHierarchy",
  migEntity: "MigEntity",
  migInfo: "MigInfo",
  linkStatus: "LinkStatus",
  gpuLinks: "GpuLinks",
  switchLinks: "SwitchLinks",
};

/** `incidents` and `incidentCount` of the older response stand where they do in the newer. */
const olderForms = ["linkStatusV4", "gpuLinksV4"];

describe("DCGM's layouts", () => {
  test.each(Object.entries(names))("%s is what the compiler says of it", (name, type) => {
    const layout = all[name];
    expect(layout?.bytes).toBe(sizes.get(type));
    const members = Object.entries(layout?.at ?? {});
    const known = members.filter(([member]) => offsets.has(`${type}, ${member}`));
    expect(known.map(([, at]) => at)).toEqual(
      known.map(([member]) => offsets.get(`${type}, ${member}`)),
    );
    // What the library only writes needs no version from us.
    if (layout?.version !== undefined && versions.has(type))
      expect(layout.version).toBe(versions.get(type));
  });

  test("every structure has its asserted twin, but older forms of one", () => {
    expect(Object.keys(layouts).filter((name) => !(name in names))).toEqual(olderForms);
    expect([layouts.linkStatusV4.version, layouts.linkStatusV4.bytes]).toEqual([
      0x040039bc, 14_780,
    ]);
    const { gpus, numNvSwitches, nvSwitches } = layouts.linkStatusV4.at;
    expect(numNvSwitches).toBe(gpus + 32 * layouts.gpuLinksV4.bytes);
    expect(layouts.linkStatusV4.bytes).toBe(nvSwitches + 12 * layouts.switchLinks.bytes);
  });

  test("a version's word holds the structure's size", () => {
    const versioned = Object.values(all).filter(({ version }) => version !== undefined);
    expect(versioned.length).toBe(9);
    for (const { version = 0, bytes } of versioned)
      expect(version & 0xffffff).toBe(bytes & 0xffffff);
  });

  test("groups of entities have the header's numbers", () => {
    const listed = /^enum \{ (NONE, .*), ENTITY_GROUPS \};/m.exec(header)?.[1]?.split(", ") ?? [];
    const { gpu, switch: nvswitch, gpuInstance, link, cpu } = entityGroups;
    expect([gpu, nvswitch, gpuInstance, link, cpu].map((number) => listed[number])).toEqual([
      "GPU",
      "SWITCH",
      "GPU_I",
      "LINK",
      "CPU",
    ]);
  });
});
