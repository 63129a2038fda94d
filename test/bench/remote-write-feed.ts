/**
 * What remote-write costs on one processor: the requests of a Prometheus that scrapes a few nodes, through parsing, limits and
 * rules, with and without the journal. Once by calls alone, and over HTTP beside a real Prometheus, which journals them too.
 */
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { allRules } from "../../alerts/all.ts";
import { createAlertBook } from "../../collector/detect/alert-book.ts";
import { createEngine } from "../../collector/detect/engine.ts";
import { createThresholdDetector } from "../../collector/detect/threshold/detector.ts";
import { createHistory } from "../../collector/history/history.ts";
import { createIngest, defaultIngestLimits } from "../../collector/ingest/door.ts";
import { createRemoteWriteReceiver } from "../../collector/ingest/remote-write/receiver.ts";
import { remoteWriteReceiverSchema } from "../../collector/ingest/remote-write/settings.ts";
import { gpu } from "../../core/catalog/index.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import { encodeSnappy } from "../../core/wire/snappy.ts";
import { createWriteRequestWriter, encodeLabels } from "../../core/wire/write-request-writer.ts";
import { freePort, startProgram, untilAnswered, type Program } from "../kit/programs.ts";
import { createRandom } from "../kit/random.ts";
import { createMemoryStore, quietLog } from "../kit/rule-bench.ts";
import { processorMilliseconds } from "./process-cost.ts";

export interface RemoteWriteLoad {
  readonly bodies: readonly Buffer[];
  readonly samples: number;
}

const nodes = [0, 1, 2, 3];
/** As Prometheus sends them at most by default since 2.44. */
const samplesPerRequest = 2000;
/** Asked for by the collector's server; a Prometheus doesn't look. */
export const benchToken = "bench-token-of-32-characters-long";
const headers = { "content-type": "application/x-protobuf", "content-encoding": "snappy" };

/** Rounds of scrapes a second apart, up to now; of the values 40 % change from one to the next. */
export function makeRemoteWriteLoad(
  series: number,
  rounds: number,
  from: readonly number[] = nodes,
): RemoteWriteLoad {
  const random = createRandom(1);
  const labels = from.map((node) => makeLabels(series, node));
  const values = new Float64Array(from.length * series);
  const words = new Int32Array(values.buffer);
  const began = Date.now() - rounds * 1000;
  const writer = createWriteRequestWriter();
  const bodies: Buffer[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (let slot = 0; slot < values.length; slot += 1) {
      if (random.between(0, 1) < 0.4) values[slot] = (values[slot] ?? 0) + random.below(50) / 4;
      const encoded = labels[Math.floor(slot / series)]?.[slot % series] ?? Buffer.alloc(0);
      const time = began + round * 1000;
      writer.add(encoded, time, words[slot * 2] ?? 0, words[slot * 2 + 1] ?? 0);
      if (writer.samples === samplesPerRequest) bodies.push(encodeSnappy(writer.finish()));
    }
    if (writer.samples > 0) bodies.push(encodeSnappy(writer.finish()));
  }
  return { bodies, samples: from.length * series * rounds };
}

/** One for each connection over which a sender may send at once. */
export function makeRemoteWriteLoads(series: number, rounds: number): RemoteWriteLoad[] {
  return nodes.map((node) => makeRemoteWriteLoad(series, rounds, [node]));
}

/** A receiver with the rules behind it. */
export function openReceiving(folder: string | null) {
  const env = createEnv();
  const { clock } = env;
  const log = quietLog;
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const ingest = createIngest({ clock, log, metrics, limits: defaultIngestLimits });
  const rules = allRules;
  const book = createAlertBook({ rules, store: createMemoryStore(), clock, log, metrics });
  const detectors = [createThresholdDetector({ rules, book, log, metrics })];
  ingest.listen(createEngine({ clock, metrics, book, detectors }));
  const historyMilliseconds = 86_400_000;
  const history =
    folder === null
      ? null
      : createHistory({
          folder,
          env,
          log,
          metrics,
          retentionMilliseconds: historyMilliseconds,
          rawMilliseconds: historyMilliseconds,
          maximumBytes: 1e12,
        });
  const settings = remoteWriteReceiverSchema.parse(undefined);
  const receiver = createRemoteWriteReceiver({
    clock,
    log,
    metrics,
    settings,
    limits: defaultIngestLimits,
    door: ingest.pushed,
    boot: "bench",
    append: history && ((frame) => history.append(frame)),
    late: () => undefined,
    historyMilliseconds,
  });
  return { receiver, settings, history, shared: { clock, log, metrics } };
}

/** Samples per second of processor time, of all threads. The first round of scrapes, in which all is new, doesn't count. */
export async function feedReceiver(load: RemoteWriteLoad, folder: string | null): Promise<number> {
  const { receiver, history } = openReceiving(folder);
  const send = async (bodies: readonly Buffer[]): Promise<void> => {
    // As many at once as Prometheus has shards for such a load.
    for (let at = 0; at < bodies.length; at += 50) {
      const some = bodies.slice(at, at + 50);
      const replies = await Promise.all(some.map((body) => receiver.receive({ headers, body })));
      const bad = replies.find(({ status }) => status !== 204);
      if (bad) throw new Error(`the receiver answered ${bad.status}: ${bad.body}`);
    }
  };
  const first = Math.ceil(load.bodies.length / 10);
  await send(load.bodies.slice(0, first));
  const before = process.cpuUsage();
  await send(load.bodies.slice(first));
  const { user, system } = process.cpuUsage(before);
  await history?.close();
  return (load.samples * (1 - first / load.bodies.length)) / ((user + system) / 1e6);
}

/** The same over HTTP, in a process of its own. */
export async function feedCollector(
  loads: readonly RemoteWriteLoad[],
  folder: string | null,
): Promise<number> {
  const file = join(import.meta.dirname, "receiving-collector-program.ts");
  const program = startProgram(process.execPath, [file, ...(folder === null ? [] : [folder])]);
  try {
    while (!program.output().includes("\n")) await once(program.child.stdout!, "data");
    return await feedProgram(loads, program.output().trim(), program);
  } finally {
    await program.stop();
  }
}

/** The same for a Prometheus. */
export async function feedPrometheus(
  loads: readonly RemoteWriteLoad[],
  folder: string,
): Promise<number> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "prometheus.yml");
  writeFileSync(file, "global: {}\n");
  const program = startProgram("prometheus", [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--web.enable-remote-write-receiver",
    "--log.level=warn",
  ]);
  try {
    const url = `http://127.0.0.1:${port}`;
    await untilAnswered(`${url}/-/ready`, program);
    return await feedProgram(loads, url, program);
  } finally {
    await program.stop();
  }
}

/** Each load over a connection of its own, its requests one after the other. The first half, which warms up, doesn't count. */
async function feedProgram(
  loads: readonly RemoteWriteLoad[],
  url: string,
  program: Program,
): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const send = (half: (bodies: readonly Buffer[]) => readonly Buffer[]): Promise<unknown> =>
    Promise.all(
      loads.map(async ({ bodies }) => {
        for (const body of half(bodies)) await post(`${url}/api/v1/write`, agent, body);
      }),
    );
  const middle = (bodies: readonly Buffer[]): number => Math.floor(bodies.length / 2);
  await send((bodies) => bodies.slice(0, middle(bodies)));
  const pid = program.child.pid ?? 0;
  const before = processorMilliseconds(pid);
  await send((bodies) => bodies.slice(middle(bodies)));
  const used = (processorMilliseconds(pid) - before) / 1000;
  agent.destroy();
  return loads.reduce((sum, { samples }) => sum + samples, 0) / 2 / used;
}

async function post(url: string, agent: Agent, body: Buffer): Promise<void> {
  const authorization = `Bearer ${benchToken}`;
  const asked = request(url, { method: "POST", headers: { ...headers, authorization }, agent });
  asked.end(body);
  const [response] = await once(asked, "response");
  const answer = await response.toArray();
  if (response.statusCode !== 204) throw new Error(Buffer.concat(answer).toString());
}

/** Names that rules ask for, then others, all with the labels of a GPU. */
function makeLabels(series: number, node: number): Buffer[] {
  const known = Object.values(gpu).flatMap((one) => ("name" in one ? [one.name] : []));
  return Array.from({ length: series }, (_, slot) => {
    const index = String(slot & 7);
    const name = known[slot >> 3] ?? `bench_metric_${slot >> 3}`;
    return encodeLabels([
      { name: "UUID", value: `GPU-0000000${node}-0000-0000-0000-00000000000${index}` },
      { name: "__name__", value: name },
      { name: "device", value: `nvidia${index}` },
      { name: "gpu", value: index },
      { name: "instance", value: `node-${node}:9410` },
      { name: "job", value: "warpwatch" },
      { name: "modelName", value: "NVIDIA H200" },
    ]);
  });
}
