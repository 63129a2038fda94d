/** Every source of this machine that is up holds to the contract; the others say why they aren't. */
import { afterAll, expect, test } from "vitest";
import { createHolders } from "../../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../../agent/gpu-directory.ts";
import { nowhere } from "../../../core/catalog/device.ts";
import { createEnv } from "../../../core/kit/env.ts";
import { createLog } from "../../../core/kit/log.ts";
import { describeHost } from "../../../agent/host-device.ts";
import { createProbes } from "../../../agent/probes/process.ts";
import { knownSources } from "../../../agent/sources/all.ts";
import type { SourceContext } from "../../../agent/sources/source.ts";
import { describeSource } from "../../suites/source-suite.ts";

const env = createEnv();
const probes = createProbes(env, createLog({ clock: env.clock, write: () => undefined }));
afterAll(() => probes.close());

function makeContext(): SourceContext {
  return {
    env,
    log: createLog({ clock: env.clock, write: () => undefined }),
    events: { report: () => undefined },
    host: describeHost(env.node, env.paths.sysfs, nowhere),
    probes,
    gpus: createGpuDirectory(),
    holders: createHolders(),
    stateFolder: "",
  };
}

const absentHere = new Map<string, string>();
for (const source of knownSources()) {
  const opened = await source.open(makeContext(), new AbortController().signal);
  if ("absent" in opened) absentHere.set(source.name, opened.absent);
  else {
    opened.close();
    describeSource(source.name, {
      makeSource: () => knownSources().find(({ name }) => name === source.name) ?? source,
      makeContext,
    });
  }
}

test("sources have unique names", () => {
  const names = knownSources().map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test("a source that this machine has none of says why", () => {
  for (const [name, reason] of absentHere)
    expect([name, reason]).toEqual([name, expect.stringMatching(/\S/)]);
  expect(absentHere.has("cpu")).toBe(false);
});
