/**
 * What node_exporter would serve: its families under its names, and what it says of itself. Its Go runtime isn't here,
 * so neither are the go_* and promhttp_* families; process_* are the agent's own.
 */
import { nodeExporter, self } from "../../core/catalog/index.ts";
import type { Metric } from "../../core/catalog/metric.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { version } from "../../core/kit/version.ts";
import { createExposition, type ExpositionFormat } from "../../core/wire/exposition.ts";
import { setPresent, type Frame, type Series } from "../../core/wire/frame.ts";
import { collectorOf } from "../collector-flags.ts";
import type { SourceStatus } from "../sampler-source.ts";
import type { Source } from "../sources/source.ts";
import type { View } from "./view.ts";

export interface NodeExporterOptions {
  readonly sources: readonly Source[];
  readonly status: () => readonly SourceStatus[];
  readonly metrics: SelfMetrics;
}

type Sample = readonly [metric: Metric, values: readonly string[], value: number];

/** What the agent tells of its process that every Go program tells of its own. */
const processFamilies: ReadonlySet<string> = new Set(
  [
    self.processCpuSeconds,
    self.processMaximumDescriptors,
    self.processOpenDescriptors,
    self.processResidentMemory,
    self.processStartTime,
  ].map(({ name }) => name),
);

export function createNodeExporterView({ sources, status, metrics }: NodeExporterOptions): View {
  const collectorBySource = new Map(
    sources.filter(isOfNodeExporter).flatMap(({ name }): [string, string][] => {
      const collector = collectorOf(name);
      return collector === undefined ? [] : [[name, collector]];
    }),
  );
  const known = new Set(collectorBySource.values());
  const exposition = createExposition();

  return {
    name: "node-exporter",
    select(query) {
      const collect = new Set(query.getAll("collect[]"));
      const exclude = new Set(query.getAll("exclude[]"));
      if (collect.size > 0 && exclude.size > 0)
        return "collect[] and exclude[] can't be asked for together";
      for (const name of [...collect, ...exclude])
        if (!known.has(name))
          return `there is no collector of that name, or it is off: ${JSON.stringify(name.slice(0, 100))}`;
      const chosen = new Set(
        [...known].filter((name) => (collect.size > 0 ? collect.has(name) : !exclude.has(name))),
      );
      return {
        key: [...chosen].join(" "),
        accepts(series, source) {
          // What other programs wrote is passed on under whatever name.
          const isTheirs = series.metric.name.startsWith("node_") || source === "textfile";
          // The names of simulated nodes' sources are no collectors': they are there unless collectors are chosen.
          const collector = collectorBySource.get(source);
          return (
            isTheirs &&
            (collector === undefined ? chosen.size === known.size : chosen.has(collector))
          );
        },
        async own(format) {
          const frame = frameOf([buildInfo, ...scrapeSamples(status(), collectorBySource, chosen)]);
          const text = exposition.render(frame, format).toString("utf8");
          return (
            withoutEnd(text, format) + familiesOf(await metrics.render(format), processFamilies)
          );
        },
      };
    },
  };
}

const buildInfo: Sample = [nodeExporter.buildInfo, ["warpwatch", "", "", version], 1];

function isOfNodeExporter({ metrics }: Source): boolean {
  return metrics.some((metric) =>
    ("name" in metric ? metric.name : metric.pattern).startsWith("node_"),
  );
}

/** A collector whose machine has none of it has no success there, and one of several sources that is down none either. */
function scrapeSamples(
  statuses: readonly SourceStatus[],
  collectorBySource: ReadonlyMap<string, string>,
  chosen: ReadonlySet<string>,
): Sample[] {
  const collectors = new Map<string, { up: boolean; down: boolean; seconds: number }>();
  for (const { name, state, durationSeconds } of statuses) {
    const collector = collectorBySource.get(name);
    if (collector === undefined || !chosen.has(collector)) continue;
    const sum = collectors.get(collector) ?? { up: false, down: false, seconds: 0 };
    collectors.set(collector, sum);
    if (state === "up") sum.up = true;
    if (state === "down") sum.down = true;
    if (!Number.isNaN(durationSeconds)) sum.seconds += durationSeconds;
  }
  const sorted = [...collectors].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return sorted.flatMap(([collector, { up, down, seconds }]): Sample[] => [
    [nodeExporter.scrapeDuration, [collector], seconds],
    [nodeExporter.scrapeSuccess, [collector], up && !down ? 1 : 0],
  ]);
}

function frameOf(samples: readonly Sample[]): Frame {
  const series = samples.map(([metric, values]): Series => ({ metric, values, device: null }));
  const present = new Uint8Array(Math.ceil(samples.length / 8));
  samples.forEach((_, slot) => setPresent(present, slot));
  return {
    schema: {
      origin: { node: "", job: "", instance: "", boot: "" },
      version: 1,
      groups: [{ source: "agent", first: 0, length: samples.length }],
      series,
    },
    sequence: 0,
    timestamps: Float64Array.of(0),
    values: Float64Array.from(samples, ([, , value]) => value),
    present,
    complete: true,
  };
}

function withoutEnd(text: string, format: ExpositionFormat): string {
  return format === "openmetrics" ? text.replace(/# EOF\n$/, "") : text;
}

/** Those of a page's families; OpenMetrics leaves `_total` away in the name of a counter's family. */
function familiesOf(page: string, names: ReadonlySet<string>): string {
  const families = page.split(/^(?=# HELP )/m);
  return families
    .filter((family) => {
      const name = /^# HELP (\S+)/.exec(family)?.[1] ?? "";
      return names.has(name) || names.has(`${name}_total`);
    })
    .join("");
}
