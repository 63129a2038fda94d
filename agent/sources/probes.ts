/** What the probes wait for and what became of their processes, from the agent's own record. */
import * as self from "../../core/catalog/self.ts";
import type { Probe } from "../probes/probe.ts";
import type { Source } from "./source.ts";

/** A call that is answered sooner is nobody's concern, and a series for it would come and go all the time. */
const worthTellingSeconds = 1;

export const probesSource: Source = {
  name: "probes",
  metrics: [self.probeInFlight, self.probeAbandoned, self.probeRestarts],
  sampling: "fast",
  open({ probes }) {
    const both = [probes.gpu, probes.slowKernel];
    let slots = new Map<string, number>();
    let countSlots: number[] = [];
    return {
      register(registrar) {
        countSlots = both.flatMap(({ name: probe }) => [
          registrar.slot(self.probeAbandoned, { probe }),
          registrar.slot(self.probeRestarts, { probe }),
        ]);
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
        const counts = both.map(({ name }) => probes.counts(name));
        counts
          .flatMap(({ abandoned, restarts }) => [abandoned, restarts])
          .forEach((count, index) => {
            column[countSlots[index] ?? -1] = count;
          });
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
