/** A reader of what another program is asked for: it answers as a whole, and what it answers may have other series each time. */
import { absent, type Absent, type Reader } from "../source.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";

/** Says the samples that were asked for, in an order that stays as long as the devices do. */
export type Snapshot = (add: AddSample) => void;

export interface SnapshotReaderOptions {
  readonly ask: (signal: AbortSignal) => Promise<Snapshot>;
  /** Why there is nothing to tell, when the first answer says nothing. */
  readonly absent: string;
  readonly close?: () => void;
}

/** Asks once before it returns, so that the series are known. Throws what `ask` throws. */
export async function openSnapshotReader(
  options: SnapshotReaderOptions,
  signal: AbortSignal,
): Promise<Reader | Absent> {
  const { ask, close = () => {} } = options;
  let latest = await ask(signal);
  let count = 0;
  latest(() => (count += 1));
  if (count === 0) {
    close();
    return absent(options.absent);
  }
  /** Hasn't been read yet: after a change the same answer is read again. */
  let isFresh = true;
  const samples = createSampleReader((add) => latest(add), close);
  return {
    register: (slots) => samples.register(slots),
    async read(column, readSignal) {
      if (!isFresh) latest = await ask(readSignal);
      const result = await samples.read(column, readSignal);
      isFresh = result === "changed";
      return result;
    },
    close: () => samples.close(),
  };
}
