/** A reader of facts that are read whole, rarely, and carried in labels: it starts anew when they differ. */
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Reader } from "../source.ts";

export interface FactsReaderOptions<Facts extends object> {
  readonly gather: () => Facts;
  /** Declares the series and returns each slot with the value it always has. */
  readonly declare: (facts: Facts, slots: SlotRegistrar) => readonly (readonly [number, number])[];
}

export function createFactsReader<Facts extends object>(
  options: FactsReaderOptions<Facts>,
): Reader {
  let known = "";
  let constants: readonly (readonly [number, number])[] = [];
  return {
    register(slots) {
      const facts = options.gather();
      known = JSON.stringify(facts);
      constants = options.declare(facts, slots);
    },
    read(column) {
      if (JSON.stringify(options.gather()) !== known) return "changed";
      for (const [slot, value] of constants) column[slot] = value;
      return undefined;
    },
    close() {
      // Nothing is kept open between readings.
    },
  };
}
