/**
 * A collector cut down to its history, for a test that kills it: appends frames of three origins as fast as they are
 * acknowledged, prints each acknowledgement, and compacts all the while. Settings come as JSON in the first argument.
 */
import { setTimeout as delay } from "node:timers/promises";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { frameAt, levelSchema, openHistory, originOf } from "./kit.ts";

export interface WriterSettings {
  readonly folder: string;
  /** Per origin the sequence it goes on with: the first that wasn't acknowledged. */
  readonly next: readonly number[];
  /** Unix milliseconds of sequence 0. */
  readonly base: number;
}

export const writerGpus = [0, 1, 2, 3];

export function valueOf(sequence: number, gpu: number): number {
  return sequence * 10 + gpu / 4;
}

async function send(
  history: ReturnType<typeof openHistory>,
  { next, base }: WriterSettings,
  index: number,
): Promise<never> {
  const schema = levelSchema(originOf(`node-${index}`), writerGpus);
  for (let sequence = next[index] ?? 0; ;) {
    const group = Array.from({ length: 1 + (sequence % 5) }, (_, ahead) => sequence + ahead);
    const stored = group.map((one) => {
      const values = writerGpus.map((gpu) => valueOf(one, gpu));
      return history.append(frameAt(schema, one, base + one * 1000, values));
    });
    await Promise.all(stored);
    process.stdout.write(`${index} ${group.at(-1) ?? sequence}\n`);
    sequence += group.length;
  }
}

async function main(settings: WriterSettings): Promise<void> {
  const history = openHistory(settings.folder, {
    clock: createSystemClock(),
    retentionMilliseconds: Date.now(),
    bounds: { commitMilliseconds: 5, batchSamples: 2000 },
  });
  for (const index of settings.next.keys()) void send(history, settings, index);
  for (;;) {
    await history.compact({ all: true });
    await delay(20);
  }
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? "") as WriterSettings);
