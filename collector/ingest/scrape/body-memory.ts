/** The memory that answers are put together in: used again, since new memory for each answer costs more than reading it. */

export interface BodyMemory {
  /** What has the bytes of `body` up to `length` and room for `more`: the same or a larger one, in whose place `body` goes back. */
  reserve(body: Buffer, length: number, more: number): Buffer;
  giveBack(body: Buffer): void;
}

const firstBytes = 64 * 1024;
/** As many answers come in at the same time without new memory. */
const keptBodies = 16;
/** A larger one isn't kept. */
const keptBytes = 1024 * 1024;

export function createBodyMemory(): BodyMemory {
  const free: Buffer[] = [];

  function giveBack(body: Buffer): void {
    if (body.length > 0 && body.length <= keptBytes && free.length < keptBodies) free.push(body);
  }

  return {
    giveBack,
    reserve(body, length, more) {
      const needed = length + more;
      if (needed <= body.length) return body;
      const last = free.pop();
      const larger =
        last !== undefined && last.length >= needed
          ? last
          : Buffer.allocUnsafeSlow(Math.max(firstBytes, body.length * 2, needed));
      body.copy(larger, 0, 0, length);
      giveBack(body);
      return larger;
    },
  };
}
