/**
 * What becomes of the state when its disk is full or fails: first the reserve is given back, then everything goes on in
 * memory, and as soon as the disk can be written again it is all put there.
 */
import type { DatabaseSync } from "node:sqlite";
import { copyToDisk, copyToMemory } from "./memory-copy.ts";
import type { Reserve } from "./reserve.ts";

export interface Endurance {
  /** `reserve`: the disk was full, and what is written goes where the reserve was. `memory`: a kill now loses what changed. */
  readonly phase: "disk" | "reserve" | "memory";
  /** Transactions since the start that were in memory only when they ended. */
  readonly unsaved: number;
  /** Runs the transaction, again where that helps; it throws only what the disk isn't to blame for. */
  run<Result>(transaction: () => Result): Result;
  /** Tries to get back to the disk, and to set the reserve aside again. */
  recover(): void;
}

/** SQLite's own numbers: FULL, IOERR, READONLY. */
const storageFailures: ReadonlySet<number> = new Set([13, 10, 8]);

export function createEndurance(sqlite: DatabaseSync, reserve: Reserve): Endurance {
  let inMemory = false;
  let unsaved = 0;

  function count<Result>(result: Result): Result {
    if (inMemory) unsaved += 1;
    return result;
  }

  return {
    get phase() {
      if (inMemory) return "memory";
      return reserve.isThere ? "disk" : "reserve";
    },
    get unsaved() {
      return unsaved;
    },
    run(transaction) {
      try {
        return count(transaction());
      } catch (thrown) {
        if (!isStorageFailure(thrown) || inMemory) throw thrown;
      }
      if (reserve.release())
        try {
          return transaction();
        } catch (thrown) {
          if (!isStorageFailure(thrown)) throw thrown;
        }
      copyToMemory(sqlite);
      inMemory = true;
      return count(transaction());
    },
    recover() {
      if (inMemory && !sqlite.isTransaction)
        try {
          copyToDisk(sqlite);
          inMemory = false;
        } catch (thrown) {
          if (!isStorageFailure(thrown)) throw thrown;
          return;
        }
      if (!inMemory) reserve.restore();
    },
  };
}

function isStorageFailure(thrown: unknown): boolean {
  return (
    typeof thrown === "object" &&
    thrown !== null &&
    "errcode" in thrown &&
    storageFailures.has(Number(thrown.errcode) & 0xff)
  );
}
