import { renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { entityGroups } from "../../../../agent/probes/dcgm/layouts.ts";
import { findDcgmField } from "../../../../core/catalog/dcgm-fields.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { createDcgmHarness } from "./dcgm-harness.ts";

const { gpu } = entityGroups;

describe("a file of fields", () => {
  test("says what is told, in its words; what has no name here is told too, and the labels it names are on each", async () => {
    const file = join(makeFolder(), "counters.csv");
    writeFileSync(
      file,
      [
        "# Clocks",
        "DCGM_FI_DEV_GPU_TEMP, gauge, Temperature.",
        "DCGM_FI_DEV_FB_USED_PERCENT, gauge, Used.",
        "203, counter, Utilisation.",
        "DCGM_FI_DEV_SERIAL, label, Serial.",
        "DCGM_FI_DEV_NO_SUCH, gauge, Nothing.",
        "1600, gauge, Newer than this library.",
      ].join("\n"),
    );
    const { up, control, said } = createDcgmHarness({ gpus: 1, collectorsFile: file });
    control.field(gpu, 0, 254, 0.125);
    const [fast, slow] = [await up(), await up("dcgm_details")];
    const samples = new Map([...(await fast.read()), ...(await slow.read())]);
    const serial = "DCGM_FI_DEV_SERIAL=1323921000";
    expect(samples.get(`DCGM_FI_DEV_GPU_TEMP{gpu=0,${serial}}`)).toBe(45);
    expect(samples.get(`DCGM_FI_DEV_FB_USED_PERCENT{gpu=0,${serial}}`)).toBe(0.125);
    expect(samples.get(`DCGM_FI_DEV_GPU_UTIL{gpu=0,${serial}}`)).toBe(80);
    expect([...samples.keys()].some((name) => name.startsWith("DCGM_FI_DEV_POWER"))).toBe(false);
    const log = said.join("");
    expect(log).toContain(`${file}, line 6: DCGM has no field \\"DCGM_FI_DEV_NO_SUCH\\"`);
    expect(log).toContain(`${file}, line 7: this libdcgm has no field DCGM_FI_1600`);
  });

  test("that is written anew is taken up, and one that goes is kept as it was", async () => {
    const folder = makeFolder();
    const file = join(folder, "counters.csv");
    writeFileSync(file, "DCGM_FI_DEV_GPU_TEMP, gauge, Temperature.\n");
    const { up } = createDcgmHarness({ gpus: 1, collectorsFile: file });
    const opened = await up();
    expect([...(await opened.read()).keys()]).toContain("DCGM_FI_DEV_GPU_TEMP{gpu=0}");
    writeFileSync(`${file}.new`, "DCGM_FI_DEV_POWER_USAGE, gauge, Power.\n");
    utimesSync(`${file}.new`, 2000, 2000);
    renameSync(`${file}.new`, file);
    const after = await opened.until((found) => found.has("DCGM_FI_DEV_POWER_USAGE{gpu=0}"));
    expect(after.has("DCGM_FI_DEV_GPU_TEMP{gpu=0}")).toBe(false);
    renameSync(file, `${file}.old`);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect((await opened.read()).has("DCGM_FI_DEV_POWER_USAGE{gpu=0}")).toBe(true);
  });

  test("may ask for hundreds of fields of every GPU", async () => {
    const file = join(makeFolder(), "counters.csv");
    const ids = Array.from({ length: 91 }, (_, index) => 400 + index).filter((id) => id !== 490);
    const all = [...ids, ...Array.from({ length: 100 }, (_, index) => 100 + index)].filter(
      (id) => findDcgmField(String(id))?.name !== `DCGM_FI_${id}`,
    );
    writeFileSync(file, all.map((id) => `${id}, gauge, Field.\n`).join(""));
    const { up, control, said } = createDcgmHarness({ gpus: 8, collectorsFile: file });
    for (let index = 0; index < 8; index += 1)
      control.change(
        `${gpu}:${index}`,
        Object.fromEntries(all.map((id) => [`field.${id}`, id * 10 + index])),
      );
    const samples = new Map([
      ...(await (await up()).read()),
      ...(await (await up("dcgm_details")).read()),
    ]);
    const wrong = all.flatMap((id) =>
      Array.from(
        { length: 8 },
        (_, index) => `${findDcgmField(String(id))?.name}{gpu=${index}}`,
      ).filter((name, index) => samples.get(name) !== id * 10 + index),
    );
    const noNumbers = [...said.join("").matchAll(/line \d+: (\w+) is no number/g)].map(
      ([, name]) => name,
    );
    expect(noNumbers).toContain("DCGM_FI_DEV_SUPPORTED_CLOCKS");
    expect(wrong.filter((name) => !noNumbers.includes(name.split("{")[0]))).toEqual([]);
    expect(samples.size).toBeGreaterThan(800);
  });

  test("that can't be read at first is a fault that names it", async () => {
    const { open } = createDcgmHarness({ collectorsFile: "/nowhere/counters.csv" });
    for (const name of ["dcgm", "dcgm_details"])
      await expect(open(name)).rejects.toThrow(/\/nowhere\/counters\.csv can't be read: .*ENOENT/);
  });
});
