/** The agent's page, asked for a GPU's value by metric and labels. */
import type { Metric } from "../../core/catalog/metric.ts";
import { createExpositionParser } from "../../core/wire/parse.ts";
import { isPresent } from "../../core/wire/frame.ts";
import type { ReferenceValue } from "./nvidia-smi-reference.ts";

export interface Page {
  /** Of the whole GPU, not of a MIG instance; NaN where the page has no such series. */
  find(asked: Pick<ReferenceValue, "metric" | "uuid" | "extraLabels">): number;
}

const parser = createExpositionParser();

export async function readPage(address: string): Promise<Page> {
  const response = await fetch(`http://${address}/metrics`);
  const body = Buffer.from(await response.arrayBuffer());
  const { series, values, present } = parser.parse(body, "text");
  const found = new Map<string, { labels: ReadonlyMap<string, string>; value: number }[]>();
  series.forEach(({ name, labels, labelValues }, slot) => {
    if (!isPresent(present, slot)) return;
    const pairs = new Map(labels.map((label, index) => [label, labelValues[index] ?? ""]));
    const all = found.get(name) ?? [];
    found.set(name, all);
    all.push({ labels: pairs, value: values[slot] ?? Number.NaN });
  });
  return {
    find({ metric, uuid, extraLabels }) {
      const wanted = Object.entries({ ...extraLabels, ...uuidLabel(metric, uuid) });
      const match = (found.get(metric.name) ?? []).find(
        ({ labels }) =>
          !labels.has("GPU_I_ID") && wanted.every(([label, value]) => labels.get(label) === value),
      );
      return match?.value ?? Number.NaN;
    },
  };
}

/** Where makes of all kinds share a metric, the label has another name. */
function uuidLabel(metric: Metric, uuid: string): Record<string, string> {
  return { [metric.labels.includes("UUID") ? "UUID" : "uuid"]: uuid };
}
