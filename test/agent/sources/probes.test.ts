/** The source of what the probes wait for, over a probe whose child hangs for real. */
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { createEnv } from "../../../core/kit/env.ts";
import { createLog } from "../../../core/kit/log.ts";
import { labelsOf } from "../../../core/wire/frame.ts";
import { createSeriesList } from "../../../core/wire/slots.ts";
import { createProbes } from "../../../agent/probes/process.ts";
import { probesSource } from "../../../agent/sources/probes.ts";
import type { Reader } from "../../../agent/sources/source.ts";
import { makeHostContext, readSource } from "./host/context.ts";
import { noProbes } from "../../kit/probes.ts";
import { repositoryRoot } from "../../kit/sources.ts";

const never = new AbortController().signal;

/** The calls under way: label values and seconds. */
async function read(reader: Reader): Promise<[string, string, number][]> {
  const { series } = register(reader);
  const column = new Float64Array(series.length).fill(Number.NaN);
  expect(await reader.read(column, never)).toBeUndefined();
  return series.flatMap((one, slot): [string, string, number][] => {
    const { probe = "", key } = labelsOf(one);
    return key === undefined ? [] : [[probe, key, column[slot] ?? Number.NaN]];
  });
}

function register(reader: Reader): ReturnType<typeof createSeriesList> {
  const list = createSeriesList(100);
  reader.register(list);
  return list;
}

test("tells of a call that hangs until it comes back", async () => {
  const env = createEnv();
  const log = createLog({ clock: env.clock, write: () => undefined });
  const probes = createProbes(env, log, {
    "slow-kernel": { program: join(repositoryRoot, "test/kit/probe-program.ts") },
  });
  onTestFinished(() => probes.close());
  const opened = await probesSource.open({ ...makeHostContext(), probes }, never);
  if ("absent" in opened) throw new Error(opened.absent);

  expect(await read(opened)).toEqual([]);
  await probes.slowKernel.ask("echo", "warm", null, 10_000);
  const late = probes.slowKernel.ask("answerLate", "/mnt/dead", 2500, 10_000);
  expect(await read(opened)).toEqual([]);
  await vi.waitUntil(() => probes.slowKernel.inFlight().some(({ seconds }) => seconds > 1.5), {
    timeout: 20_000,
  });
  expect(await opened.read(new Float64Array(4), never)).toBe("changed");
  expect(await read(opened)).toEqual([
    ["slow-kernel", "/mnt/dead", expect.closeTo(1.5, 0) as number],
  ]);
  await late;
  expect(await opened.read(new Float64Array(5), never)).toBe("changed");
  expect(await read(opened)).toEqual([]);
});

test("counts from zero what became of the processes", async () => {
  const counts = { abandoned: 3, restarts: 4 };
  const samples = await readSource(probesSource, {
    ...makeHostContext(),
    probes: {
      ...noProbes,
      counts: (name) => (name === "gpu" ? counts : { abandoned: 0, restarts: 0 }),
    },
  });
  expect(Object.fromEntries(samples)).toEqual({
    'warpwatch_probe_abandoned_total{probe="gpu"}': 3,
    'warpwatch_probe_restarts_total{probe="gpu"}': 4,
    'warpwatch_probe_abandoned_total{probe="slow-kernel"}': 0,
    'warpwatch_probe_restarts_total{probe="slow-kernel"}': 0,
  });
});
