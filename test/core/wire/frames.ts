/** Frames for the tests of the wire: a list of series with their samples, `null` where there is none. */
import type { Metric } from "../../../core/catalog/metric.ts";
import { setPresent, type Frame, type Schema } from "../../../core/wire/frame.ts";

export interface Sample {
  readonly metric: Metric;
  readonly values?: readonly string[];
  readonly value: number | null;
}

export function schemaOf(samples: readonly Sample[], version = 1): Schema {
  return {
    origin: { node: "node1", job: "warpwatch", instance: "node1:9410", boot: "boot1" },
    version,
    groups: [{ source: "test", first: 0, length: samples.length }],
    series: samples.map(({ metric, values }) => ({ metric, values: values ?? [], device: null })),
  };
}

export function frameOf(samples: readonly Sample[]): Frame {
  return fillFrame(
    schemaOf(samples),
    samples.map((sample) => sample.value),
  );
}

export function fillFrame(
  schema: Schema,
  samples: readonly (number | null)[],
  sequence = 1,
): Frame {
  const values = new Float64Array(samples.length);
  const present = new Uint8Array(Math.ceil(samples.length / 8));
  samples.forEach((value, slot) => {
    if (value === null) return;
    values[slot] = value;
    setPresent(present, slot);
  });
  const timestamps = new Float64Array(schema.groups.length).fill(
    1_790_000_000_000 + sequence * 1000,
  );
  return { schema, sequence, timestamps, values, present, complete: true };
}
