/** Probes for tests that aren't about hanging: the calls are made in the test's own process, or there are none. */
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import type { Probe, ProbeName, Probes } from "../../agent/probes/probe.ts";
import type { ProbeCall } from "../../agent/probes/serve.ts";

type CallTable = Readonly<Record<string, ProbeCall>>;

/** Keeps the contract but for time: one call per key, failures as PROBE_FAILED; it waits for every answer. */
export function inProcessProbes(tables: Partial<Record<ProbeName, CallTable>>): Probes {
  return {
    gpu: probeOf("gpu", tables.gpu ?? {}),
    slowKernel: probeOf("slow-kernel", tables["slow-kernel"] ?? {}),
    counts: () => ({ abandoned: 0, restarts: 0 }),
  };
}

/** Every call fails. */
export const noProbes: Probes = inProcessProbes({});

function probeOf(name: ProbeName, calls: CallTable): Probe {
  const asked = new Set<string>();
  return {
    name,
    async ask(call, key, argument) {
      if (asked.has(key)) throw new WarpwatchError("PROBE_BUSY", `${key} is asked already`);
      asked.add(key);
      try {
        const make = calls[call];
        if (!make) throw new Error(`there is no call named ${call}`);
        return structuredClone(await make(structuredClone(argument), key));
      } catch (cause) {
        throw new WarpwatchError("PROBE_FAILED", describeError(cause), { cause });
      } finally {
        asked.delete(key);
      }
    },
    inFlight: () => [...asked].map((key) => ({ key, seconds: 0 })),
  };
}
