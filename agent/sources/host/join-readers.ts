/** Several files of one subject as one source: each has a reader, all are read in one round. */
import type { Reader, ReadResult } from "../source.ts";

/** One that fails leaves its series absent for the round; the round fails when all do. */
export function joinReaders(readers: readonly Reader[]): Reader {
  return {
    register(slots) {
      for (const reader of readers) reader.register(slots);
    },
    read(column, signal) {
      let failed = 0;
      const tolerate = (thrown: unknown): void => {
        failed += 1;
        if (failed === readers.length) throw thrown;
      };
      const readFrom = (first: number): ReadResult | Promise<ReadResult> => {
        for (let index = first; index < readers.length; index += 1) {
          try {
            const result = readers[index]?.read(column, signal);
            if (result instanceof Promise)
              return result
                .catch(tolerate)
                .then((outcome) => (outcome === "changed" ? outcome : readFrom(index + 1)));
            if (result === "changed") return result;
          } catch (thrown) {
            tolerate(thrown);
          }
        }
        return undefined;
      };
      return readFrom(0);
    },
    close() {
      for (const reader of readers) reader.close();
    },
  };
}
