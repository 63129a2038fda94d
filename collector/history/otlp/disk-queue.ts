/** OTLP requests that wait on disk, as remote-write's batches do: an outage of the receiver outlives the collector. */
import { gunzipSync } from "node:zlib";
import type { OtlpPost } from "../../../core/wire/otlp-post.ts";
import type { OtlpQueue } from "../../../core/wire/otlp-queue.ts";
import { createSpool, type WaitingBatch } from "../remote-write/spool.ts";

export interface DiskQueueOptions {
  readonly folder: string;
  readonly maximumBytes: number;
  /** How requests go out now; what waits may have been packed otherwise, before a restart. */
  readonly compression: "gzip" | "none";
  readonly post: Pick<OtlpPost, "pack">;
}

const maximumMessageBytes = 64 * 1024 * 1024;

/** Throws STATE_UNUSABLE where the folder can't be used. */
export function createDiskQueue(options: DiskQueueOptions): OtlpQueue {
  const spool = createSpool(options.folder, options.maximumBytes);
  /** As the queue knows it: the same object for as long as it is the first. */
  let known: { readonly points: number; readonly batch: WaitingBatch } | null = null;
  return {
    get bytes() {
      return spool.bytes;
    },
    get first() {
      const batch = spool.first;
      if (batch === null) return null;
      if (known?.batch !== batch) known = { points: batch.samples, batch };
      return known;
    },
    add: (body, points) => spool.add(body, points),
    read(queued) {
      if (known !== queued || known === null) return null;
      const body = spool.read(known.batch);
      return body && repack(body, options);
    },
    remove(queued) {
      if (known !== queued || known === null) return;
      spool.remove(known.batch);
      known = null;
    },
  };
}

/** A message begins with the tag of its first field, which is none of gzip's. */
function repack(body: Buffer, { compression, post }: DiskQueueOptions): Buffer | null {
  const isPacked = body[0] === 0x1f && body[1] === 0x8b;
  if (isPacked === (compression === "gzip")) return body;
  if (!isPacked) return post.pack(body);
  try {
    return gunzipSync(body, { maxOutputLength: maximumMessageBytes });
  } catch {
    return null;
  }
}
