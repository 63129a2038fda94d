/** An agent cut down to its sending: pushes the values it is given to a real collector until they are settled there. */
import { systemTls } from "../../core/kit/tls-files.ts";
import { setTimeout as delay } from "node:timers/promises";
import { packBody } from "../../agent/push/body.ts";
import { createPushClient } from "../../agent/push/client.ts";
import { createSystemClock } from "../../core/kit/clock.ts";
import { createFrameEncoder } from "../../core/wire/frame-codec.ts";
import { setPresent, type Schema, type Series } from "../../core/wire/frame.ts";
import { framesPath, pushHeaders } from "../../core/wire/push.ts";

export interface FrameSender {
  readonly node: string;
  /** Of each series; NaN for one that isn't there. */
  readonly values: Float64Array;
  /** Sends the values as they are now; resolves once the collector has them, over its restarts too. */
  send(): Promise<void>;
  close(): void;
}

export interface FrameSenderOptions {
  readonly node: string;
  readonly address: string;
  readonly tokenFile: string;
  readonly series: readonly Series[];
}

const clock = createSystemClock();
const retryMilliseconds = 100;

export function createFrameSender(options: FrameSenderOptions): FrameSender {
  const { node, address, tokenFile, series } = options;
  const origin = { node, job: "warpwatch", instance: `${node}:9410`, boot: "boot" };
  const groups = [{ source: "bench", first: 0, length: series.length }];
  const schema: Schema = { origin, version: 1, groups, series };
  const client = createPushClient({
    url: new URL(address),
    tokenFile,
    tls: systemTls,
    clock,
    onError: () => {},
  });
  const encoder = createFrameEncoder();
  const values = new Float64Array(series.length).fill(Number.NaN);
  let sequence = 0;

  async function attempt(): Promise<boolean> {
    sequence += 1;
    const present = new Uint8Array((series.length + 7) >> 3);
    values.forEach((value, slot) => !Number.isNaN(value) && setPresent(present, slot));
    const timestamps = Float64Array.of(clock.now());
    const bytes = encoder.encode({ schema, sequence, timestamps, values, present, complete: true });
    const body = packBody(Buffer.from(bytes));
    const headers = {
      ...body.headers,
      [pushHeaders.agent]: encodeURIComponent(origin.instance),
      [pushHeaders.boot]: origin.boot,
      [pushHeaders.lane]: "live",
    };
    const result = await client.post({ path: framesPath, headers, body: body.bytes });
    if (result.kind === "settled") return true;
    encoder.restart();
    if (result.kind === "refused" || result.kind === "denied") throw new Error(result.sentence);
    return false;
  }

  return {
    node,
    values,
    async send() {
      while (!(await attempt())) await delay(retryMilliseconds);
    },
    close: () => client.close(),
  };
}
