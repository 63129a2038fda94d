/** Plays a synthetic fleet into the collector's door, a frame per node and second, as fast as the machine can. */
import { createIngest, defaultIngestLimits } from "../../collector/ingest/door.ts";
import type { OriginListener } from "../../collector/origin.ts";
import { setPresent, type Series } from "../../core/wire/frame.ts";
import type { Fleet } from "../../simulator/fleet.ts";
import { createFakeClock } from "./fake-clock.ts";
import { createTestMetrics, quietLog } from "./rule-bench.ts";
import { viewNode } from "./synthetic-node.ts";

/** Simulates this many seconds; `each` is called after every one of them. */
export async function playFleet(
  fleet: Fleet,
  seconds: number,
  listener: OriginListener,
  each: (timeMilliseconds: number) => void = () => {},
): Promise<void> {
  const start = fleet.timeMilliseconds;
  const clock = createFakeClock(start);
  const metrics = createTestMetrics();
  const ingest = createIngest({ clock, log: quietLog, metrics, limits: defaultIngestLimits });
  ingest.listen(listener);
  const views = await Promise.all(fleet.nodes.map((_, node) => viewNode(fleet, node)));
  const schemas = views.map(() => ({ series: [] as readonly Series[], version: 0 }));
  for (let second = 1; second <= seconds; second += 1) {
    const time = start + second * 1000;
    clock.setWallClock(time);
    for (const [node, view] of views.entries()) {
      await view.readAt(time);
      const name = fleet.nodes[node]?.name ?? "";
      const origin = { node: name, job: "warpwatch", instance: `${name}:9410`, boot: "boot" };
      const series = view.samples.map((sample) => sample.series);
      const known = schemas[node];
      if (known && !sameSeries(known.series, series))
        schemas[node] = { series, version: known.version + 1 };
      const present = new Uint8Array(Math.ceil(series.length / 8));
      view.samples.forEach(({ value }, slot) => {
        if (!Number.isNaN(value)) setPresent(present, slot);
      });
      ingest.accept({
        schema: schemaOf(origin, schemas[node] ?? { series, version: 0 }),
        sequence: second,
        timestamps: Float64Array.of(time),
        values: Float64Array.from(view.samples, ({ value }) => value),
        present,
        complete: true,
      });
    }
    each(time);
  }
}

const made = new WeakMap<
  readonly Series[],
  Parameters<ReturnType<typeof createIngest>["accept"]>[0]["schema"]
>();

function schemaOf(
  origin: { node: string; job: string; instance: string; boot: string },
  { series, version }: { readonly series: readonly Series[]; readonly version: number },
) {
  const known = made.get(series);
  if (known) return known;
  const groups = [{ source: "synthetic", first: 0, length: series.length }];
  const schema = { origin, version, groups, series };
  made.set(series, schema);
  return schema;
}

function sameSeries(one: readonly Series[], other: readonly Series[]): boolean {
  return one.length === other.length && one.every((series, index) => series === other[index]);
}
