/** Makes a remote-write 2.0 request of one of 1.0: for stores that speak the new message, from batches that wait in the old. */
import { createWriteRequestReader } from "./write-request-v1.ts";
import { encodeWriteRequestV2 } from "./write-request-writer.ts";
import { defaultWriteRequestLimits, type WireLabel } from "./write-request.ts";

export function toWriteRequestV2(message: Buffer): Buffer {
  const labels: (readonly WireLabel[])[] = [];
  const reader = createWriteRequestReader(
    defaultWriteRequestLimits,
    (one) => labels.push(one ?? []) - 1,
  );
  const { length, series, times, values, words } = reader.read(message);
  return encodeWriteRequestV2(
    Array.from({ length }, (_, at) => {
      const bits = [words[at * 2] ?? 0, words[at * 2 + 1] ?? 0] as const;
      const sample = { time: times[at] ?? 0, value: values[at] ?? 0, bits };
      return { labels: labels[series[at] ?? 0] ?? [], samples: [sample] };
    }),
  );
}
