/** OTLP requests that wait to be sent, oldest first, within a bound of bytes. This one is in memory. */

export interface QueuedRequest {
  readonly points: number;
}

export interface OtlpQueue {
  readonly bytes: number;
  /** Null when none waits. */
  readonly first: QueuedRequest | null;
  /** Throws when it can't be kept. Returns how many points had to go for it. */
  add(body: Buffer, points: number): number;
  /** To be sent; null when it can't be read any more. */
  read(queued: QueuedRequest): Buffer | null;
  remove(queued: QueuedRequest): void;
}

interface Waiting extends QueuedRequest {
  readonly body: Buffer;
}

export function createMemoryQueue(maximumBytes: number): OtlpQueue {
  const queue: Waiting[] = [];
  let bytes = 0;
  /** On its way: it isn't what makes room. */
  let taken: QueuedRequest | null = null;

  function removeAt(index: number): number {
    const [gone] = queue.splice(index, 1);
    bytes -= gone?.body.length ?? 0;
    return gone?.points ?? 0;
  }

  return {
    get bytes() {
      return bytes;
    },
    get first() {
      return queue[0] ?? null;
    },
    add(body, points) {
      queue.push({ body, points });
      bytes += body.length;
      let lost = 0;
      while (bytes > maximumBytes && queue.length > 1) lost += removeAt(queue[0] === taken ? 1 : 0);
      return lost;
    },
    read(queued) {
      taken = queued;
      return queue.find((one) => one === queued)?.body ?? null;
    },
    remove(queued) {
      const index = queue.findIndex((one) => one === queued);
      if (index >= 0) removeAt(index);
    },
  };
}
