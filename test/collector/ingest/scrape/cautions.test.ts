import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cautionsAbout, loadCollectorConfig } from "../../../../collector/config.ts";
import { formatIssue } from "../../../../core/kit/config.ts";
import { makeFolder } from "../../../kit/folder.ts";

/** Without the folder. */
function said(jobs: string): string[] {
  const folder = makeFolder();
  const file = join(folder, "collector.yml");
  writeFileSync(file, jobs);
  // What is no valid configuration would prove nothing.
  loadCollectorConfig(file);
  return cautionsAbout(file).map((issue) => formatIssue(issue).replace(`${folder}/`, ""));
}

const rule = (text: string): string =>
  `scrape_configs:\n  - job_name: a\n    metric_relabel_configs:\n      - ${text}\n`;

it("says by file and line that times on pages don't count, where somebody wants them to", () => {
  const job = (honor: string): string => `scrape_configs:\n  - job_name: a\n${honor}`;
  expect(said(job("    honor_timestamps: true\n"))).toEqual([
    "collector.yml:3: scrape_configs.0.honor_timestamps: has no effect: a sample has the time of its scrape",
  ]);
  for (const honor of ["", "    honor_timestamps: false\n"]) expect(said(job(honor))).toEqual([]);
});

it.each([
  ["{ action: labeldrop, regex: job }", "job"],
  ["{ action: labeldrop, regex: 'job|instance|pod' }", "job, instance"],
  ["{ action: labelkeep, regex: '__name__|gpu|job' }", "instance, node"],
  ["{ target_label: node, replacement: '' }", "node"],
  ["{ source_labels: [pod], regex: x, target_label: instance, replacement: '' }", "instance"],
])("says of %s which of the target's labels it can't take", (text, names) => {
  const sentence = `can't take ${names} from a series: the target's own stays`;
  expect(said(rule(text))).toEqual([
    `collector.yml:4: scrape_configs.0.metric_relabel_configs.0: ${sentence}`,
  ]);
  expect(said(`scrape:\n  - job: a\n    metric_relabel_configs:\n      - ${text}\n`)).toHaveLength(
    1,
  );
});

it.each([
  "{ action: labeldrop, regex: 'exported_.*' }",
  "{ action: labelkeep, regex: 'job|instance|node|__name__' }",
  "{ source_labels: [pod], target_label: instance }",
  "{ target_label: pod, replacement: '' }",
  "{ source_labels: [__name__], regex: 'go_.*', action: drop }",
])("says nothing of %s", (text) => {
  expect(said(rule(text))).toEqual([]);
});
