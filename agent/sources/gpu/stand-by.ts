/** A source that is read only while a better one of the same devices doesn't serve: two would write the same series. */
import { WarpwatchError } from "../../../core/kit/errors.ts";
import { absent, type Reader, type Source } from "../source.ts";

export interface Better {
  /** Resolves when the better source has been tried; at once where nobody has begun to. */
  tried(): Promise<void>;
  /** Why the other source isn't needed; null while the better one doesn't serve. */
  whyNotNeeded(): string | null;
}

/** Both have to be tried, and one that serves is enough. */
export function eitherOf(sources: readonly Better[]): Better {
  return {
    async tried() {
      await Promise.all(sources.map((source) => source.tried()));
    },
    whyNotNeeded() {
      const reasons = sources.map((source) => source.whyNotNeeded());
      return reasons.find((reason) => reason !== null) ?? null;
    },
  };
}

export function standBy(source: Source, better: Better): Source {
  return {
    ...source,
    async open(context, signal) {
      await better.tried();
      const reason = better.whyNotNeeded();
      if (reason !== null) return absent(reason);
      const opened = await source.open(context, signal);
      return "absent" in opened ? opened : giveWay(opened, source.name, better);
    },
  };
}

/** The better one may come to serve while this is read: a driver that is loaded later. */
function giveWay(reader: Reader, name: string, better: Better): Reader {
  let hasGivenWay = false;
  return {
    register: (slots) => reader.register(slots),
    read(column, signal) {
      if (better.whyNotNeeded() !== null) {
        if (!hasGivenWay) reader.close();
        hasGivenWay = true;
        return undefined;
      }
      if (hasGivenWay) throw new WarpwatchError("PROGRAM_FAILED", `${name} has to be opened again`);
      return reader.read(column, signal);
    },
    close: () => reader.close(),
  };
}
