/** Runs the nvidia-smi source against the stand-in on a PATH, as the sampler would. */
import { expect, onTestFinished } from "vitest";
import { createHolders } from "../../../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../../../agent/gpu-directory.ts";
import {
  createNvidiaSmiSource,
  type NvidiaSmiOptions,
} from "../../../../agent/sources/gpu/nvidia-smi.ts";
import type { Absent, Reader, SourceContext } from "../../../../agent/sources/source.ts";
import { nowhere } from "../../../../core/catalog/device.ts";
import { createEnv } from "../../../../core/kit/env.ts";
import { describeError } from "../../../../core/kit/errors.ts";
import { createLog } from "../../../../core/kit/log.ts";
import type { EventReport } from "../../../../core/wire/event.ts";
import { labelsOf } from "../../../../core/wire/frame.ts";
import { createSeriesList } from "../../../../core/wire/slots.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { noProbes } from "../../../kit/probes.ts";

/** Short, so that a stall is found within a test's patience; long against a process's start on a busy machine. */
export const quick: NvidiaSmiOptions = {
  periodMilliseconds: 40,
  staleMilliseconds: 800,
  stallMilliseconds: 1600,
  backoffMilliseconds: [50, 400],
};
const patienceMilliseconds = 15_000;

export interface Harness {
  readonly events: EventReport[];
  open(timeoutMilliseconds?: number): Promise<Reader | Absent>;
  /** Present samples by name and labels that tell them apart. */
  read(reader: Reader): Promise<Map<string, number>>;
  /** Reads until the samples please; a read that fails is only a reason to read again. */
  until(
    reader: Reader,
    holds: (samples: Map<string, number>) => boolean,
  ): Promise<Map<string, number>>;
  /** Reads until it fails; what is said then. */
  untilDown(reader: Reader, says: RegExp): Promise<string>;
}

/** A machine whose PATH is this folder. */
export function makeContext(
  path: string,
  procfs: string = makeFolder(),
  events: EventReport[] = [],
): SourceContext {
  const env = createEnv({
    variables: { PATH: path },
    paths: { procfs, sysfs: "/sys", rootfs: "/" },
  });
  return {
    env,
    log: createLog({ clock: env.clock, write: () => undefined }),
    events: { report: (event) => void events.push(event) },
    host: { kind: "node", id: "a", node: "node-a", name: "a", model: "", place: nowhere },
    probes: noProbes,
    gpus: createGpuDirectory(),
    holders: createHolders(),
    stateFolder: "",
  };
}

export function createHarness(
  path: string,
  options: NvidiaSmiOptions = quick,
  procfs: string = makeFolder(),
): Harness {
  const source = createNvidiaSmiSource(options);
  const events: EventReport[] = [];
  const context = makeContext(path, procfs, events);
  const { clock } = context.env;
  let names: string[] = [];

  async function read(reader: Reader): Promise<Map<string, number>> {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const column = new Float64Array(names.length).fill(Number.NaN);
      if ((await reader.read(column, AbortSignal.timeout(1000))) !== "changed")
        return new Map(
          names.flatMap((name, slot) => {
            const value = column[slot] ?? Number.NaN;
            return Number.isNaN(value) ? [] : [[name, value] as const];
          }),
        );
      const list = createSeriesList(5000);
      reader.register(list);
      expect(list.refused).toBe(0);
      names = list.series.map((series) => {
        const { gpu, reason, state, action } = labelsOf(series);
        const extra = reason ?? state ?? action;
        return `${series.metric.name}${extra === undefined ? "" : `{${extra}}`} ${gpu}`;
      });
    }
    throw new Error("the devices changed three times in a row");
  }

  async function poll<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
    const deadline = clock.monotonic() + patienceMilliseconds;
    while (clock.monotonic() < deadline) {
      const result = await attempt();
      if (result !== undefined) return result;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("it never came to that");
  }

  return {
    events,
    async open(timeoutMilliseconds = patienceMilliseconds) {
      const opened = await source.open(context, AbortSignal.timeout(timeoutMilliseconds));
      if ("read" in opened) onTestFinished(() => opened.close());
      return opened;
    },
    read,
    until: (reader, holds) =>
      poll(async () => {
        try {
          const samples = await read(reader);
          return holds(samples) ? samples : undefined;
        } catch {
          return undefined;
        }
      }),
    untilDown: (reader, says) =>
      poll(async () => {
        try {
          await read(reader);
          return undefined;
        } catch (thrown) {
          const sentence = describeError(thrown);
          return says.test(sentence) ? sentence : undefined;
        }
      }),
  };
}

export async function openReader(harness: Harness): Promise<Reader> {
  const opened = await harness.open();
  if (!("read" in opened)) throw new Error(opened.absent);
  return opened;
}
