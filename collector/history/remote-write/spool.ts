/**
 * Batches that wait for a store: a file each, named by number, checksum and samples, so that they outlive the process. Over its bound the
 * oldest go; those that the store refuses for good lie apart, a few of them, for somebody to look at.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describeError, systemCode, WarpwatchError } from "../../../core/kit/errors.ts";

export interface WaitingBatch {
  readonly name: string;
  readonly samples: number;
  readonly bytes: number;
}

export interface Spool {
  readonly bytes: number;
  /** The oldest batch; null when none waits. */
  readonly first: WaitingBatch | null;
  /** Throws when it can't be written. Returns how many samples had to go for it. */
  add(body: Buffer, samples: number): number;
  /** Null when the file is gone, damaged or can't be read. */
  read(batch: WaitingBatch): Buffer | null;
  remove(batch: WaitingBatch): void;
  /** Puts a batch aside that the store refused. */
  bury(body: Buffer, now: number): void;
}

const suffix = ".batch";
const unfinished = ".part";
const maximumBuried = 32;
const ownerOnly = { mode: 0o600 } as const;

/** Throws STATE_UNUSABLE when the folder can't be used. */
export function createSpool(folder: string, maximumBytes: number): Spool {
  const dead = join(folder, "refused");
  const batches = openFolder(folder, dead);
  let next = Number(batches.at(-1)?.name.split("-")[0] ?? 0) + 1;
  let bytes = batches.reduce((sum, batch) => sum + batch.bytes, 0);

  function remove(batch: WaitingBatch): void {
    const at = batches.indexOf(batch);
    if (at < 0) return;
    batches.splice(at, 1);
    bytes -= batch.bytes;
    rmSync(join(folder, batch.name), { force: true });
  }

  return {
    get bytes() {
      return bytes;
    },
    get first() {
      return batches[0] ?? null;
    },
    add(body, samples) {
      let lost = 0;
      for (
        let oldest = batches[0];
        oldest && bytes + body.length > maximumBytes;
        oldest = batches[0]
      ) {
        lost += oldest.samples;
        remove(oldest);
      }
      const name = `${String(next).padStart(12, "0")}-${checksumOf(body)}-${samples}${suffix}`;
      next += 1;
      const file = join(folder, name);
      // A name that ends in the suffix is a batch that is whole.
      writeFileSync(file + unfinished, body, ownerOnly);
      renameSync(file + unfinished, file);
      batches.push({ name, samples, bytes: body.length });
      bytes += body.length;
      return lost;
    },
    read(batch) {
      try {
        const body = readFileSync(join(folder, batch.name));
        const [, checksum = ""] = /^\d+-([0-9a-f]{8})-/.exec(batch.name) ?? [];
        // A batch of an older release has none in its name.
        return checksum === "" || checksum === checksumOf(body) ? body : null;
      } catch {
        return null;
      }
    },
    remove,
    bury(body, now) {
      const buried = readdirSync(dead).toSorted();
      for (const name of buried.slice(0, Math.max(0, buried.length - maximumBuried + 1)))
        rmSync(join(dead, name), { force: true });
      const name = `${new Date(now).toISOString().replaceAll(/[:.]/g, "-")}-${next}${suffix}`;
      writeFileSync(join(dead, name), body, ownerOnly);
    },
  };
}

function checksumOf(body: Buffer): string {
  return crc32(body).toString(16).padStart(8, "0");
}

function openFolder(folder: string, dead: string): WaitingBatch[] {
  try {
    mkdirSync(dead, { recursive: true, mode: 0o700 });
    const names = readdirSync(folder).toSorted();
    for (const name of names.filter((one) => one.endsWith(unfinished))) rmSync(join(folder, name));
    return names.filter((one) => one.endsWith(suffix)).map((name) => inspect(folder, name));
  } catch (cause) {
    const sentence = `${folder} can't be used (${systemCode(cause) || describeError(cause)})`;
    throw new WarpwatchError("STATE_UNUSABLE", sentence, { cause });
  }
}

function inspect(folder: string, name: string): WaitingBatch {
  const { size } = statSync(join(folder, name));
  const samples = Number(/-(\d+)\.batch$/.exec(name)?.[1] ?? 0);
  return { name, samples, bytes: size };
}
