import { expect, test } from "vitest";
import { findDcgmField } from "../../../core/catalog/dcgm-fields.ts";
import { dcgmFieldsTable } from "../../../core/catalog/dcgm-fields-table.ts";
import { healthErrorName } from "../../../core/catalog/dcgm-health.ts";

test.each([
  ["DCGM_FI_DEV_GPU_TEMP", 150],
  ["DCGM_FI_DEV_GPU_TEMP_CELSIUS", 150],
  ["DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 1004],
  ["DCGM_FI_DRIVER_VERSION", 1],
  ["DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", 449],
])("%s is field %d, under the name it was asked by", (name, id) => {
  expect(findDcgmField(name)).toEqual({ id, name });
});

test("a number is called as dcgm-exporter calls it, and one that is new by its number", () => {
  expect(findDcgmField("203")).toEqual({ id: 203, name: "DCGM_FI_DEV_GPU_UTIL" });
  expect(findDcgmField("9999")).toEqual({ id: 9999, name: "DCGM_FI_9999" });
});

test.each(["", "0", "65536", "-1", "1.5", "DCGM_FI_DEV_NO_SUCH", "DCGM_FI_", "toString"])(
  "%j is no field",
  (text) => {
    expect(findDcgmField(text)).toBeUndefined();
  },
);

test("the table names each field once, and no name twice", () => {
  const entries = dcgmFieldsTable
    .trim()
    .split(/[|\n]/)
    .map((entry) => entry.trim().split(" "));
  const numbers = entries.map(([number]) => Number(number));
  expect(numbers).toEqual([...new Set(numbers)].toSorted((one, other) => one - other));
  const names = entries.flatMap(([, ...rest]) => rest);
  expect(new Set(names).size).toBe(names.length);
  expect(names.every((name) => /^[A-Z0-9_]+$/.test(name))).toBe(true);
  expect(numbers.length).toBe(639);
});

test("an error of the health watches is named by its number", () => {
  expect([0, 4, 14, 109].map(healthErrorName)).toEqual([
    "DCGM_FR_OK",
    "DCGM_FR_VOLATILE_DBE_DETECTED",
    "DCGM_FR_NVLINK_DOWN",
    "DCGM_FR_SXID_ERROR",
  ]);
  expect(healthErrorName(5000)).toBe("");
});
