import { rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createFieldsFile, parseFields } from "../../../../agent/sources/gpu/dcgm-fields-file.ts";
import { makeFolder } from "../../../kit/folder.ts";

test("takes field, type and help from each line, by name or by number, and skips comments", () => {
  const text = [
    "# Format: field, type, help",
    "",
    "DCGM_FI_DEV_SM_CLOCK,  gauge, SM clock frequency (in MHz).",
    "  # indented",
    '156, counter, "Energy, since boot (in mJ)."',
    "DCGM_FI_DRIVER_VERSION, label, Driver Version",
    "",
  ].join("\r\n");
  const { fields, problems } = parseFields(text, "c.csv");
  expect(problems).toEqual([]);
  expect(fields).toEqual([
    {
      id: 100,
      name: "DCGM_FI_DEV_SM_CLOCK",
      kind: "gauge",
      help: "SM clock frequency (in MHz).",
      line: 3,
    },
    {
      id: 156,
      name: "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
      kind: "counter",
      help: "Energy, since boot (in mJ).",
      line: 5,
    },
    { id: 1, name: "DCGM_FI_DRIVER_VERSION", kind: "label", help: "Driver Version", line: 6 },
  ]);
});

test.each([
  ["DCGM_FI_DEV_NOTHING, gauge, x", 'DCGM has no field "DCGM_FI_DEV_NOTHING"'],
  ["dcgm_gpu_temp, gauge, x", 'DCGM has no field "dcgm_gpu_temp"'],
  ["DCGM_FI_DEV_FB_FREE, gauge", "three columns are needed: field, type and help"],
  ["just words", "three columns are needed: field, type and help"],
  ["DCGM_FI_DEV_FB_FREE, histogram, x", '"histogram" is none of gauge, counter, label'],
  ["DCGM_FI_DEV_GPU_TEMP, gauge, again", "DCGM_FI_DEV_GPU_TEMP is there already"],
  [
    "DCGM_FI_DEV_GPU_TEMP_CELSIUS, gauge, the same field",
    "DCGM_FI_DEV_GPU_TEMP_CELSIUS is there already",
  ],
  [
    "DCGM_EXP_XID_ERRORS_COUNT, gauge, x",
    /DCGM_EXP_XID_ERRORS_COUNT is no field of DCGM: XIDs are counted/,
  ],
])("names the line %j and takes the others", (line, problem) => {
  const text = `DCGM_FI_DEV_GPU_TEMP, gauge, Temperature.\n${line}\nDCGM_FI_DEV_FB_USED, gauge, Used.\n`;
  const { fields, problems } = parseFields(text, "/etc/c.csv");
  expect(fields.map(({ name }) => name)).toEqual(["DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_FB_USED"]);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^\/etc\/c\.csv, line 2: /);
  if (typeof problem === "string") expect(problems[0]).toBe(`/etc/c.csv, line 2: ${problem}`);
  else expect(problems[0]).toMatch(problem);
});

test("health is told anyway, and is no mistake", () => {
  const { fields, problems } = parseFields("DCGM_EXP_GPU_HEALTH_STATUS, gauge, Health.\n", "c.csv");
  expect([fields, problems]).toEqual([[], []]);
});

test("takes no more fields than it can hold, and says where it stopped", () => {
  const text = Array.from({ length: 600 }, (_, index) => `${2000 + index}, gauge, x`).join("\n");
  const { fields, problems } = parseFields(text, "c.csv");
  expect(fields).toHaveLength(512);
  expect(problems[0]).toBe("c.csv, line 513: it is beyond the 512 fields that are read");
});

test("is read anew only when it was written anew, and kept when it goes", () => {
  const path = join(makeFolder(), "counters.csv");
  const file = createFieldsFile(path);
  expect(() => file.read()).toThrow(`${path} can't be read: `);
  writeFileSync(path, "150, gauge, x\n");
  const first = file.read();
  expect(first.fields.map(({ id }) => id)).toEqual([150]);
  expect(file.read()).toBe(first);
  writeFileSync(path, "155, gauge, x\n");
  utimesSync(path, 3000, 3000);
  expect(file.read().fields.map(({ id }) => id)).toEqual([155]);
  rmSync(path);
  expect(file.read().fields.map(({ id }) => id)).toEqual([155]);
  expect(file.failure).toContain("ENOENT");
});
