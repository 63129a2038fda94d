/**
 * Checksums of what history keeps, so that a bit that flips on disk is found and never read as a number. SQLite's pages and
 * DuckDB's Parquet files have none. They are CRC-32 (zlib), as in the frames themselves.
 */
import { open } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { EncodedFrame } from "./chain-writer.ts";

/** Where a frame's own message has its checksum: frame-codec.ts. */
const messageChecksumAt = 8;
const chunkBytes = 1024 * 1024;
const numbers = new Float64Array(6);
const numberBytes = new Uint8Array(numbers.buffer);

/** Binds the row of a frame to its chain and its message; what is in the message is held by its own. */
export function frameChecksum(
  chain: number,
  frame: Omit<EncodedFrame, "body">,
  body: Buffer,
): number {
  numbers[0] = chain;
  numbers[1] = frame.sequence;
  numbers[2] = frame.oldest;
  numbers[3] = frame.newest;
  numbers[4] = frame.closing ? 1 : 0;
  numbers[5] = messageChecksum(body);
  return crc32(numberBytes);
}

/** Binds numbers to the row that they belong to. */
export function numbersChecksum(owner: number, values: Float64Array): number {
  numbers.fill(0);
  numbers[0] = owner;
  return crc32(
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    crc32(numberBytes),
  );
}

/** Binds a chain to its schema, by the checksum in its message, and to its origin. */
export function chainChecksum(
  schemaChecksum: number,
  {
    job,
    instance,
    boot,
  }: { readonly job: string; readonly instance: string; readonly boot: string },
  series: number,
  repeated: string,
): number {
  return crc32(JSON.stringify([job, instance, boot, series, repeated]), schemaChecksum);
}

export function messageChecksum(message: Buffer): number {
  return message.readUInt32LE(messageChecksumAt);
}

export function textChecksum(text: string): number {
  return crc32(text);
}

export function fileChecksum(file: string): number {
  return crc32(readFileSync(file));
}

/** In pieces, so that other work gets its turn. */
export async function fileChecksumSlowly(file: string): Promise<number> {
  const handle = await open(file, "r");
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    let checksum = 0;
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) return checksum;
      checksum = crc32(chunk.subarray(0, bytesRead), checksum);
    }
  } finally {
    await handle.close();
  }
}
