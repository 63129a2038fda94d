/** Reads an opened source as the sampler would, and waits until its samples please. */
import { expect, onTestFinished } from "vitest";
import type { Reader } from "../../agent/sources/source.ts";
import type { Series } from "../../core/wire/frame.ts";
import { createSeriesList } from "../../core/wire/slots.ts";

export interface FollowedSource {
  readonly reader: Reader;
  /** One round: the samples that are present, by the names that were asked for. */
  read(): Promise<Map<string, number>>;
  /** Rounds until the samples please; a round that fails is one that didn't. */
  until(holds: (samples: Map<string, number>) => boolean): Promise<Map<string, number>>;
}

const patienceMilliseconds = 10_000;
const roundMilliseconds = 2000;
const betweenRoundsMilliseconds = 50;
const maximumAttempts = 3;

/** Closed when the test ends. */
export function followSource(reader: Reader, nameOf: (series: Series) => string): FollowedSource {
  onTestFinished(() => reader.close());

  function register(): string[] {
    const list = createSeriesList(20_000);
    reader.register(list);
    expect(list.refused).toBe(0);
    return list.series.map(nameOf);
  }

  async function read(): Promise<Map<string, number>> {
    for (let attempt = 0; attempt < maximumAttempts; attempt += 1) {
      const names = register();
      const column = new Float64Array(names.length).fill(Number.NaN);
      if ((await reader.read(column, AbortSignal.timeout(roundMilliseconds))) === "changed")
        continue;
      return new Map(
        names.flatMap((name, slot) => {
          const value = column[slot] ?? Number.NaN;
          return Number.isNaN(value) ? [] : [[name, value] as const];
        }),
      );
    }
    throw new Error(`the devices changed ${maximumAttempts} times in a row`);
  }

  return {
    reader,
    read,
    async until(holds) {
      const deadline = performance.now() + patienceMilliseconds;
      let last: unknown;
      while (performance.now() < deadline) {
        try {
          const samples = await read();
          if (holds(samples)) return samples;
          last = samples;
        } catch (thrown) {
          last = thrown;
        }
        await new Promise((resolve) => setTimeout(resolve, betweenRoundsMilliseconds));
      }
      throw new Error("it never came to that", { cause: last });
    },
  };
}
