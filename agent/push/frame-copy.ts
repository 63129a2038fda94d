/** A frame of one's own: a sampler writes into its buffers again with the next round. */
import type { Frame } from "../../core/wire/frame.ts";

export function copyFrame({
  schema,
  sequence,
  timestamps,
  values,
  present,
  complete,
}: Frame): Frame {
  return {
    schema,
    sequence,
    timestamps: timestamps.slice(0, schema.groups.length),
    values: values.slice(0, schema.series.length),
    present: present.slice(0, (schema.series.length + 7) >> 3),
    complete,
  };
}

/** What it holds in memory, without its schema, which all frames share. */
export function frameBytes({ timestamps, values, present }: Frame): number {
  return timestamps.byteLength + values.byteLength + present.byteLength;
}
