import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { watchFleetFile } from "../../../collector/fleet/file.ts";

const folder = mkdtempSync(join(tmpdir(), "warpwatch-fleet-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "fleet.yaml");

describe("the fleet file", () => {
  it("is read when it changed, and only then", () => {
    writeFileSync(
      file,
      "nodes: [{name: a, gpus: 8}, {name: b}]\nremoved: [{node: c, device: d}]\n",
    );
    const watched = watchFleetFile(file);
    expect(watched.read()).toEqual({
      nodes: [{ name: "a", gpus: 8 }, { name: "b" }],
      removed: [{ node: "c", device: "d" }],
    });
    expect(watched.read()).toBeNull();
    writeFileSync(file, "nodes: []\n");
    expect(watched.read()).toEqual({ nodes: [], removed: [] });
  });

  it.each([
    ["nodes: [\n", /fleet\.yaml:\d+: /],
    ["nodes:\n  - {name: a, gpu: 8}\n", /fleet\.yaml:2: nodes\.0\.gpu: is not a setting/],
    ["nodes:\n  - {name: a, gpus: many}\n", /fleet\.yaml:2: nodes\.0\.gpus: .*expected number/],
    ["nodes:\n  - {name: a}\nremoved:\n  - {device: x}\n", /fleet\.yaml:4: removed\.0\.node: /],
  ])("names what is wrong with %j once", (content, sentence) => {
    writeFileSync(file, content);
    const watched = watchFleetFile(file);
    expect(() => watched.read()).toThrow(sentence);
    expect(watched.read()).toBeNull();
  });

  it("that isn't there is named once, and read when it comes", () => {
    const late = join(folder, "late.yaml");
    const watched = watchFleetFile(late);
    expect(() => watched.read()).toThrow(/late\.yaml: can't be read \(ENOENT\)/);
    expect(watched.read()).toBeNull();
    writeFileSync(late, "nodes: []\n");
    expect(watched.read()).toEqual({ nodes: [], removed: [] });
  });
});
