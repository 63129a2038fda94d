/**
 * What one agent that sends without measure does to its neighbours: how long their frames take to be acknowledged by a real
 * collector, alone and beside it. `node test/bench/push-fairness.ts [--neighbours 10] [--seconds 5] [--rounds 6]`
 */
import { systemTls } from "../../core/kit/tls-files.ts";
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createPushClient, type PushClient } from "../../agent/push/client.ts";
import { openMetric } from "../../core/catalog/metric.ts";
import { createSystemClock } from "../../core/kit/clock.ts";
import { createFrameEncoder } from "../../core/wire/frame-codec.ts";
import type { Schema } from "../../core/wire/frame.ts";
import { framesPath, pushHeaders } from "../../core/wire/push.ts";
import { packBody } from "../../agent/push/body.ts";
import { freePort, startWarpwatch, untilAnswered } from "../kit/programs.ts";
import { reportBench } from "./report.ts";

const series = 2500;
const periodMilliseconds = 200;
const abuserConnections = 16;
const framesPerAbuse = 64;

const { values: flags } = parseArgs({
  options: {
    neighbours: { type: "string", default: "10" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "6" },
    abuse: { type: "string", default: "" },
    token: { type: "string", default: "" },
  },
});
const clock = createSystemClock();

if (flags.abuse === "") await compare();
else await abuse(flags.abuse, flags.token);

async function compare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-fairness-"));
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const listen = `--web.listen-address=127.0.0.1:${port}`;
  const collector = startWarpwatch(["collector", listen, `--state.folder=${folder}`]);
  const token = join(folder, "push-token");
  try {
    await untilAnswered(`${address}/-/ready`, collector);
    const senders = Array.from({ length: Number(flags.neighbours) }, (_, index) =>
      createSender(`node-${index}`, connect(address, token)),
    );
    await measure(senders, 3);
    const alone: number[][] = [];
    const beside: number[][] = [];
    // In turns, so that what else the machine does falls on both.
    for (let round = 0; round < Number(flags.rounds); round += 1) {
      alone.push(await measure(senders, Number(flags.seconds)));
      const abuser = fork(fileURLToPath(import.meta.url), ["--abuse", address, "--token", token]);
      await delay(1000);
      beside.push(await measure(senders, Number(flags.seconds)));
      abuser.kill();
      await delay(500);
    }
    const unit = "milliseconds to the acknowledgement";
    reportBench("push-fairness", { ...flags, series, abuserConnections, framesPerAbuse }, [
      { what: "p50 alone", unit, rounds: quantiles(alone, 0.5) },
      { what: "p50 beside the abuser", unit, rounds: quantiles(beside, 0.5) },
      { what: "p99 alone", unit, rounds: quantiles(alone, 0.99) },
      { what: "p99 beside the abuser", unit, rounds: quantiles(beside, 0.99) },
    ]);
  } finally {
    await collector.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Send = (frames: number) => Promise<void>;

/** Every sender once a period, each at its own moment; the milliseconds that each request took. */
async function measure(senders: readonly Send[], seconds: number): Promise<number[]> {
  const taken: number[] = [];
  const end = clock.monotonic() + seconds * 1000;
  await Promise.all(
    senders.map(async (send, index) => {
      await delay((periodMilliseconds * index) / senders.length);
      while (clock.monotonic() < end) {
        const before = clock.monotonic();
        await send(1);
        const took = clock.monotonic() - before;
        taken.push(took);
        await delay(Math.max(0, periodMilliseconds - took));
      }
    }),
  );
  return taken;
}

function createSender(node: string, client: PushClient): Send {
  const encoder = createFrameEncoder();
  const schema = schemaOf(node);
  const values = new Float64Array(series);
  const present = new Uint8Array((series + 7) >> 3).fill(255);
  let sequence = 0;
  return async (frames) => {
    const messages = Array.from({ length: frames }, () => {
      sequence += 1;
      for (let slot = sequence % 3; slot < series; slot += 3) values[slot] = sequence * slot;
      const timestamps = Float64Array.of(clock.now());
      const frame = { schema, sequence, timestamps, values, present, complete: true };
      return Buffer.from(encoder.encode(frame));
    });
    const body = packBody(Buffer.concat(messages));
    const headers = {
      ...body.headers,
      [pushHeaders.agent]: encodeURIComponent(schema.origin.instance),
      [pushHeaders.boot]: "boot",
      [pushHeaders.lane]: "live",
    };
    const result = await client.post({ path: framesPath, headers, body: body.bytes });
    if (result.kind !== "settled") encoder.restart();
  };
}

function schemaOf(node: string): Schema {
  const origin = { node, job: "bench", instance: `${node}:9410`, boot: "boot" };
  const list = Array.from({ length: series }, (_, index) => ({
    metric: openMetric(`bench_metric_${index >> 3}_total`, "counter", "One of many.", ["gpu"]),
    values: [String(index & 7)],
    device: null,
  }));
  return {
    origin,
    version: 1,
    groups: [{ source: "bench", first: 0, length: series }],
    series: list,
  };
}

function connect(address: string, tokenFile: string): PushClient {
  return createPushClient({
    url: new URL(address),
    tokenFile,
    tls: systemTls,
    clock,
    onError: () => {},
  });
}

/** As fast as it is answered, on many connections, as one agent. */
async function abuse(address: string, tokenFile: string): Promise<void> {
  await Promise.all(
    Array.from({ length: abuserConnections }, async () => {
      const send = createSender("abuser", connect(address, tokenFile));
      for (;;) await send(framesPerAbuse);
    }),
  );
}

function quantiles(rounds: readonly (readonly number[])[], share: number): number[] {
  return rounds.map((numbers) => quantile(numbers, share));
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}
