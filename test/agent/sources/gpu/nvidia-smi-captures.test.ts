/** Against captures of `nvidia-smi -q -x` and of the CSV of every field, in the folder that WARPWATCH_NVIDIA_SMI_CAPTURES names. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  accountOfField,
  accountOfPath,
  toldByFields,
  toldByReport,
} from "../../../../agent/sources/gpu/nvidia-smi-accounts.ts";
import { measuredFields } from "../../../../agent/sources/gpu/nvidia-smi-fields.ts";
import { reportFields } from "../../../../agent/sources/gpu/nvidia-smi-report-fields.ts";
import { pathsOf, readReport } from "../../../../agent/sources/gpu/nvidia-smi-report.ts";
import {
  chooseLayout,
  createRoundReader,
  type Row,
} from "../../../../agent/sources/gpu/nvidia-smi-rounds.ts";

const folder = process.env["WARPWATCH_NVIDIA_SMI_CAPTURES"] ?? "";
const files = folder === "" ? [] : readdirSync(folder).map((name) => join(folder, name));
const reports = files.filter((path) => path.endsWith(".xml"));
const transcripts = files.filter((path) => path.endsWith(".txt"));

if (folder === "")
  process.stderr.write(
    "\nSKIPPED: captures of nvidia-smi. WARPWATCH_NVIDIA_SMI_CAPTURES names no folder of them.\n\n",
  );

/** What holds no value; lists and groups become such a text too. */
const noValue =
  /^(|N\/A|None|GPU is lost|Insufficient Permissions|Requested functionality has been deprecated)$/;

describe.skipIf(folder === "")("captures of real machines", () => {
  test.each(reports)("%s: every element is accounted for, and every value is read", (path) => {
    const text = readFileSync(path, "utf8");
    const paths = pathsOf(text);
    expect([...paths.keys()].filter((each) => accountOfPath(each) === undefined)).toEqual([]);
    for (const { path: field, targets } of reportFields)
      for (const leaf of paths.get(field) ?? [])
        if (!noValue.test(leaf))
          for (const { readText, metric } of targets)
            expect([metric.name, field, leaf, Number.isNaN(readText(leaf))]).toEqual([
              metric.name,
              field,
              leaf,
              false,
            ]);
    const gpus = readReport(text);
    expect(gpus).toHaveLength(text.split("<gpu id=").length - 1);
    for (const gpu of gpus) expect(gpu.isLost || gpu.values.size > 20).toBe(true);
    const count = (account: string): number =>
      [...paths.keys()].filter((each) => accountOfPath(each) === account).length;
    process.stdout.write(
      `${path.split("/").at(-1)}: ${gpus.length} GPUs, ${paths.size} elements: ${count("metric")} metrics, ${count("label")} labels, ${count("elsewhere")} in the CSV, ${count("left out")} left out; ${gpus[0]?.values.size} values of the first\n`,
    );
  });

  test.each(transcripts)(
    "%s: every field of the CSV is accounted for and every value is read",
    (path) => {
      const text = readFileSync(path, "utf8");
      const sections = [...text.matchAll(/^# \$ nvidia-smi --query-gpu=(\S+) --format=csv$/gm)];
      expect(sections.length).toBeGreaterThan(0);
      for (const { 1: query = "", index } of sections) {
        const names = query.split(",");
        expect(names.filter((name) => accountOfField(name) === undefined)).toEqual([]);
        const lines = text.slice(index).split("\n").slice(2);
        const rows = readRows(
          names,
          lines.filter((line) => line.split(", ").length === names.length),
        );
        expect(rows.length).toBeGreaterThan(0);
        for (const row of rows)
          expectValues(row, chooseLayout(measuredFields, new Set(names)).columns);
      }
      process.stdout.write(
        `${path.split("/").at(-1)}: ${sections.length} × ${sections[0]?.[1]?.split(",").length} fields\n`,
      );
    },
  );
});

/** The row as the source would get it, which asks for fewer fields and for the name last. */
function readRows(names: readonly string[], lines: readonly string[]): readonly Row[] {
  const layout = chooseLayout(measuredFields, new Set(names));
  const reader = createRoundReader(layout);
  return lines.slice(1).flatMap((line) => {
    const cells = line.split(", ");
    const asked = layout.query.split(",").map((name) => cells[names.indexOf(name)] ?? "");
    const taken = reader.take(asked.join(", "));
    return Array.isArray(taken) ? (taken as Row[]) : [];
  });
}

function expectValues(row: Row, columns: ReadonlyMap<string, number>): void {
  expect(row.uuid).toMatch(/^GPU-/);
  for (const { names, targets } of measuredFields) {
    const cell = row.cells[columns.get(names[0] ?? "") ?? -1];
    if (cell === undefined || /^\[|^N\/A$|^$/.test(cell)) continue;
    for (const { readCell } of targets)
      expect([names[0], cell, Number.isNaN(readCell(cell))]).toEqual([names[0], cell, false]);
  }
}

test("what is said to be told elsewhere is told there", () => {
  const fields = new Set(measuredFields.flatMap(({ names }) => names));
  expect(Object.values(toldByFields).filter((name) => !fields.has(name))).toEqual([]);
  const paths = new Set(reportFields.map(({ path }) => path));
  expect(Object.values(toldByReport).filter((path) => !paths.has(path))).toEqual([]);
});

test("an element that nobody knows is not accounted for", () => {
  expect(accountOfPath("ecc_errors/volatile/brand_new")).toBeUndefined();
  expect(accountOfField("brand.new")).toBeUndefined();
});
