/** A context on this machine for sources that ask something else than files, and one reading through it. */
import { nowhere } from "../../../../core/catalog/device.ts";
import { createEnv, type Env } from "../../../../core/kit/env.ts";
import { createLog } from "../../../../core/kit/log.ts";
import { labelsOf } from "../../../../core/wire/frame.ts";
import { createSeriesList } from "../../../../core/wire/slots.ts";
import { slowKernelCalls } from "../../../../agent/probes/slow-kernel-calls.ts";
import { createHolders } from "../../../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../../../agent/gpu-directory.ts";
import type { Reader, Source, SourceContext } from "../../../../agent/sources/source.ts";
import { inProcessProbes } from "../../../kit/probes.ts";

export function makeHostContext(overrides: Partial<Env> = {}): SourceContext {
  const env = createEnv({ node: "node-1", ...overrides });
  return {
    env,
    log: createLog({ clock: env.clock, write: () => {} }),
    events: { report: () => {} },
    gpus: createGpuDirectory(),
    holders: createHolders(),
    stateFolder: "",
    host: { kind: "node", id: "node-1", node: "node-1", name: "node-1", model: "", place: nowhere },
    probes: inProcessProbes({ "slow-kernel": slowKernelCalls }),
  };
}

/** Opens, reads once and closes. Throws where the source is absent or down. */
export async function readSource(
  source: Source,
  context: SourceContext,
): Promise<Map<string, number>> {
  const reader = await source.open(context, new AbortController().signal);
  if ("absent" in reader) throw new Error(reader.absent);
  try {
    return await readRound(reader);
  } finally {
    reader.close();
  }
}

/** One round as the sampler makes it: registered anew where the devices changed. */
export async function readRound(reader: Reader): Promise<Map<string, number>> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const { series } = registerAll(reader);
    const column = new Float64Array(series.length).fill(Number.NaN);
    if ((await reader.read(column, new AbortController().signal)) === "changed") continue;
    return new Map(
      series.flatMap((one, slot): [string, number][] => {
        const value = column[slot] ?? Number.NaN;
        return Number.isNaN(value) ? [] : [[nameOf(one.metric.name, labelsOf(one)), value]];
      }),
    );
  }
  throw new Error("the source changes with every read");
}

function registerAll(reader: Reader): ReturnType<typeof createSeriesList> {
  const list = createSeriesList(10_000);
  reader.register(list);
  if (list.refused > 0) throw new Error(`${list.refused} series were registered twice`);
  return list;
}

/** `name{label="value",…}` with the labels in alphabetical order. */
function nameOf(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
}
