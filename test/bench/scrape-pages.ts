/**
 * Pages of a node of eight GPUs, a second apart, as the exporters of Go's client library answer them: gzip, in chunks of 2 KiB.
 * The node is the simulator's; what its page lacks to the number that is asked for are node_exporter's lines per processor.
 */
import { gzipSync } from "node:zlib";
import { openMetric } from "../../core/catalog/metric.ts";
import { createExposition } from "../../core/wire/exposition.ts";
import { setPresent, type Schema, type Series } from "../../core/wire/frame.ts";
import { createFleet } from "../../simulator/fleet.ts";
import { createRandom } from "../kit/random.ts";
import { viewNode } from "../kit/synthetic-node.ts";

export interface NodePages {
  readonly answers: readonly Buffer[];
  /** Samples of a page. */
  readonly samples: number;
  readonly pageBytes: number;
  readonly packedBytes: number;
}

const startMilliseconds = Date.UTC(2026, 0, 10);
const chunkBytes = 2048;
/** Of the lines beside the simulator's; its own change as they do in a node at work. */
const changedShare = 0.4;
const perProcessor: readonly string[] = [
  "node_schedstat_running_seconds_total",
  "node_schedstat_waiting_seconds_total",
  "node_schedstat_timeslices_total",
  "node_softnet_processed_total",
  "node_softnet_dropped_total",
  "node_softnet_times_squeezed_total",
  "node_cpu_frequency_hertz",
  "node_cpu_scaling_frequency_hertz",
];

export async function makeNodePages(wanted: number, count: number): Promise<NodePages> {
  const node = { nodes: 1, model: "H100", gpusPerNode: 8, seed: 1, startMilliseconds } as const;
  const view = await viewNode(createFleet(node), 0);
  const random = createRandom(1);
  const exposition = createExposition();
  const answers: Buffer[] = [];
  let schema: Schema | null = null;
  let others = new Float64Array(0);
  let sizes = { samples: 0, pageBytes: 0, packedBytes: 0 };
  for (let second = 1; second <= count; second += 1) {
    await view.readAt(startMilliseconds + second * 1000);
    const { samples } = view;
    if (schema === null) {
      schema = schemaOf(
        samples.map(({ series }) => series),
        wanted,
      );
      others = new Float64Array(schema.series.length - samples.length);
    }
    others = others.map((value) =>
      random.between(0, 1) < changedShare ? value + random.below(100_000) / 100 : value,
    );
    const values = Float64Array.of(...samples.map(({ value }) => value), ...others);
    const present = new Uint8Array((values.length + 7) >> 3);
    values.forEach((value, slot) => !Number.isNaN(value) && setPresent(present, slot));
    const timestamps = Float64Array.of(startMilliseconds);
    const frame = { schema, sequence: second, timestamps, values, present, complete: true };
    const lines = exposition.render(frame, "text").toString().split("\n").map(asGoSpells);
    const page = Buffer.from(lines.join("\n"));
    const packed = gzipSync(page);
    sizes = {
      samples: lines.filter((line) => line !== "" && !line.startsWith("#")).length,
      pageBytes: page.length,
      packedBytes: packed.length,
    };
    answers.push(answerOf(packed));
  }
  return { answers, ...sizes };
}

/** Go's client library writes a number from a million on with an exponent. */
function asGoSpells(line: string): string {
  const at = line.lastIndexOf(" ") + 1;
  const value = Number(line.slice(at));
  if (line.startsWith("#") || line === "" || !Number.isFinite(value)) return line;
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value === 0 || (power >= -4 && power < 6)) return line;
  return `${line.slice(0, at)}${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

function schemaOf(own: readonly Series[], wanted: number): Schema {
  const metrics = perProcessor.map((name) => openMetric(name, "counter", "One of many.", ["cpu"]));
  const series = [...own];
  for (let processor = 0; series.length < wanted; processor += 1)
    for (const metric of metrics)
      if (series.length < wanted)
        series.push({ metric, values: [String(processor)], device: null });
  const origin = { node: "node", job: "bench", instance: "node:9100", boot: "boot" };
  const groups = [{ source: "bench", first: 0, length: series.length }];
  return { origin, version: 1, groups, series };
}

function answerOf(packed: Buffer): Buffer {
  const parts: Buffer[] = [
    Buffer.from(
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n" +
        "Date: Sat, 10 Jan 2026 00:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
  ];
  for (let at = 0; at < packed.length; at += chunkBytes) {
    const chunk = packed.subarray(at, at + chunkBytes);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
  }
  parts.push(Buffer.from("0\r\n\r\n"));
  return Buffer.concat(parts);
}
