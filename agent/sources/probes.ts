/** What the probes wait for: how long each call that doesn't come back has been under way, from the agent's own record. */
import * as self from "../../core/catalog/self.ts";
import type { Probe } from "../probes/probe.ts";
import type { Source } from "./source.ts";

/** A call that is answered sooner is nobody's concern, and a series for it would come and go all the time. */
const worthTellingSeconds = 1;

export const probesSource: Source = {
  name: "probes",
  metrics: [self.probeInFlight],
  sampling: "fast",
  open({ probes }) {
    const both = [probes.gpu, probes.slowKernel];
    let slots = new Map<string, number>();
    return {
      register(registrar) {
        slots = new Map(
          longestCalls(both).map(({ probe, key }) => [
            identityOf(probe, key),
            registrar.slot(self.probeInFlight, { probe, key }),
          ]),
        );
      },
      read(column) {
        const calls = longestCalls(both);
        if (calls.length !== slots.size) return "changed";
        for (const { probe, key, seconds } of calls) {
          const slot = slots.get(identityOf(probe, key));
          if (slot === undefined) return "changed";
          column[slot] = seconds;
        }
        return undefined;
      },
      close() {},
    };
  },
};

function longestCalls(
  probes: readonly Probe[],
): { readonly probe: string; readonly key: string; readonly seconds: number }[] {
  return probes.flatMap((probe) =>
    probe
      .inFlight()
      .filter(({ seconds }) => seconds > worthTellingSeconds)
      .map((call) => ({ probe: probe.name, ...call })),
  );
}

function identityOf(probe: string, key: string): string {
  return `${probe} ${key}`;
}
