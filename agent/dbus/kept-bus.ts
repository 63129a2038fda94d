/** A connection to the system bus that is kept from round to round, and made anew after a round that failed. */
import { openBus, type Bus } from "./bus.ts";

export interface KeptBus {
  /** What `ask` throws ends the connection. */
  use<Answer>(ask: (bus: Bus) => Promise<Answer>, signal: AbortSignal): Promise<Answer>;
  close(): void;
}

export function keepBus(socketPath: string): KeptBus {
  let bus: Bus | null = null;
  const close = (): void => {
    bus?.close();
    bus = null;
  };
  return {
    async use(ask, signal) {
      bus ??= await openBus(socketPath, signal);
      try {
        return await ask(bus);
      } catch (error) {
        close();
        throw error;
      }
    },
    close,
  };
}
