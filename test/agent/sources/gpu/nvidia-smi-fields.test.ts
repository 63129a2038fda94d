/** Reads captures of real machines: text files that hold `# $ nvidia-smi …` headings with the output below. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  identityNames,
  measuredFields,
  nameField,
} from "../../../../agent/sources/gpu/nvidia-smi-fields.ts";
import {
  chooseLayout,
  createRoundReader,
  readFieldNames,
} from "../../../../agent/sources/gpu/nvidia-smi-rounds.ts";

const folder = process.env["WARPWATCH_NVIDIA_SMI_CAPTURES"];

/** Fields that real drivers print and that no metric is made of, with the reason. */
const unusedFields: readonly (readonly [RegExp, string])[] = [
  [
    /^(timestamp|hostname|pci\.(domain|bus|device|baseClass|subClass|device_id|sub_device_id))$/,
    "known otherwise",
  ],
  [/^(kmd_version|compute_cap|inforom\.|platform\.|edpp_multiplier|gsp\.|c2c\.mode)/, "inventory"],
  [
    /^(display_|persistence_mode|addressing_mode|accounting\.|driver_model\.|gom\.|compute_mode)/,
    "settings",
  ],
  [/^(ecc\.mode|dramEncryption\.|mig\.mode\.pending|power\.management)/, "settings"],
  [
    /^(vgpu_|protected_memory\.|encoder\.stats\.|fabric\.|power_smoothing\.|module\.)/,
    "not ours to watch yet",
  ],
  [
    /^ecc\.errors\.(un)?corrected\.(volatile|aggregate)\.(device_memory|dram|register_file|l1_cache|l2_cache|texture_memory|cbu|sram)$/,
    "part of a total",
  ],
  [
    /^ecc\.errors\.uncorrected\.(volatile|aggregate)\.sram\.(parity|secded|l2|sm|mcu|pcie|other)$/,
    "part of a total",
  ],
  [
    /^(utilization\.(jpeg|ofa)|clocks\.(current\.(graphics|video)|applications|default_applications|max)\.?)/,
    "no metric of dcgm-exporter's defaults",
  ],
  [
    /^power\.(draw\.(average|instant)|limit|default_limit|min_limit|max_limit)$/,
    "power.draw and the enforced limit say it",
  ],
  [/^pcie\.link\.gen\.(current|gpumax|hostmax)$/, "another spelling or bound of the same"],
  [/^clocks_event_reasons\.(supported|active)$/, "the reasons one by one say it"],
  [/^remapped_rows\.(un)?correctable_inactive$/, "those that are in use say it"],
];

/** The only texts that may stand where a metric reads a value and be absent. */
const valueless =
  /^(\[(N\/A|Not Supported|Unknown Error|Insufficient Permissions|Function Not Found|Requested functionality has been deprecated|GPU is lost)\]|N\/A|GPU is lost|)$/;

interface Capture {
  readonly title: string;
  readonly help: string;
  readonly fields: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function readCaptures(path: string): Capture[] {
  return readdirSync(path)
    .filter((file) => file.endsWith(".txt"))
    .flatMap((file) => {
      const sections = readFileSync(join(path, file), "utf8").split(/^#{40,}\n(?=# .+ ::)/m);
      const help = sections.find((text) => text.includes("$ nvidia-smi --help-query-gpu\n")) ?? "";
      return sections.flatMap((text) => {
        const query =
          /^# \$ nvidia-smi --query-gpu=(\S+) --format=csv\n#+\n(.+)\n((?:.+\n)+)/m.exec(text);
        if (!query) return [];
        const [, fields = "", , rows = ""] = query;
        return {
          title: `${file} ${text.split("\n")[0]}`,
          help,
          fields: fields.split(","),
          rows: rows
            .trim()
            .split("\n")
            .map((row) => row.split(", ")),
        };
      });
    });
}

if (folder === undefined)
  console.warn("WARPWATCH_NVIDIA_SMI_CAPTURES isn't set: no real capture of nvidia-smi was read");

describe.skipIf(folder === undefined)("captures of real machines", () => {
  const captures = folder === undefined ? [] : readCaptures(folder);

  test("are there", () => expect(captures.length).toBeGreaterThan(0));

  test.each(captures)("account for every field: $title", ({ help, fields, rows }) => {
    const layout = chooseLayout(measuredFields, readFieldNames(help));
    const used = new Set<string>([...identityNames, nameField, ...layout.query.split(",")]);
    const strangers = fields.filter(
      (field) => !used.has(field) && !unusedFields.some(([pattern]) => pattern.test(field)),
    );
    expect(strangers).toEqual([]);
    expect(rows.every((row) => row.length === fields.length)).toBe(true);
  });

  test.each(captures)("give each used cell a value or none: $title", ({ help, fields, rows }) => {
    const layout = chooseLayout(measuredFields, readFieldNames(help));
    let present = 0;
    for (const cells of rows) {
      const line = layout.query.split(",").map((name) => cells[fields.indexOf(name)] ?? "");
      const [row] = createRoundReader(layout, 1).take(line.join(", ")) ?? [];
      if (row === undefined || typeof row === "string") throw new Error("the row wasn't read");
      expect(row.uuid).toMatch(/^GPU-/);
      expect(row.pciBusId).toMatch(/^[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.\d$/);
      expect(row.model).toMatch(/^NVIDIA /);
      for (const field of measuredFields) {
        const name = field.names.find((each) => layout.columns.has(each)) ?? "";
        const cell = row.cells[layout.columns.get(name) ?? -1];
        if (cell === undefined) continue;
        const values = field.targets.map((target) => target.readCell(cell));
        const isAbsent = values.every(Number.isNaN);
        expect(isAbsent, `${name} is ${cell}`).toBe(valueless.test(cell));
        if (!isAbsent) present += 1;
      }
    }
    expect(present).toBeGreaterThan(25);
  });
});
