/** A fleet with two of its rules, and an origin that sends once a second. */
import { agentGone, gpuMissing } from "../../alerts/fleet.ts";
import { createFleet } from "../../collector/fleet/fleet.ts";
import { createPlaces } from "../../collector/fleet/place.ts";
import type { FleetRecord } from "../../collector/fleet/store.ts";
import { nowhere } from "../../core/catalog/device.ts";
import { nodeChecks } from "../../core/catalog/fleet.ts";
import { isPresent, type Frame, type Origin } from "../../core/wire/frame.ts";
import { createBench, createFrameMaker, quietLog, testOrigin, type Sample } from "./rule-bench.ts";

export const gpuSample = (
  index: number,
  id = `GPU-${index}`,
  value: number | undefined = 50,
): Sample => ({
  metric: "DCGM_FI_DEV_GPU_TEMP",
  labels: { gpu: String(index), UUID: id },
  value,
  device: { kind: "gpu", id, node: "node-1", name: `gpu${index}`, model: "H100", place: nowhere },
});
export const plainSample: Sample = { metric: "node_load1", value: 1 };

export function createFleetBench(
  saved: { record: unknown } = { record: null },
  cluster: "seen" | "all" | null = "seen",
) {
  const places = createPlaces();
  const bench = createBench(
    [
      { ...gpuMissing, forMilliseconds: 2000 },
      { ...agentGone, forMilliseconds: 2000 },
    ],
    { placeOf: (node) => places.of(node) },
  );
  const removed: string[] = [];
  const fleet = createFleet({
    clock: bench.clock,
    log: quietLog,
    store: {
      load: () => saved.record,
      save: (record: FleetRecord) => (saved.record = structuredClone(record)),
    },
    sink: bench.ingest.own,
    boot: "b",
    goneMilliseconds: 60_000,
    maximumNodes: 3,
    cluster: cluster ?? undefined,
    places,
    onRemoved(node, device) {
      removed.push(device === null ? node : `${node} ${device}`);
      bench.engine.endRemoved(node, device);
    },
  });
  bench.ingest.listen(fleet);
  const makers = new Map<string, ReturnType<typeof createFrameMaker>>();
  return {
    ...bench,
    fleet,
    removed,
    saved,
    /** The origin sends these samples once a second, and the fleet ticks after each. */
    run: async (
      seconds: number,
      samples: readonly Sample[] | null,
      origin: Origin = testOrigin,
    ): Promise<void> => {
      const make = makers.get(origin.instance) ?? createFrameMaker(origin);
      makers.set(origin.instance, make);
      for (let count = 0; count < seconds; count++) {
        await bench.clock.advance(1000);
        if (samples) bench.ingest.accept(make(bench.clock.now(), samples));
        fleet.tick();
        bench.tick();
      }
    },
    said: () => describeFrame(fleet.lastFrame()),
    /** Checks so far that found a node's samples fresh, and stale. */
    checked(): (number | undefined)[] {
      const frame = fleet.lastFrame();
      return ["fresh", "stale"].map((outcome) => {
        const slot = frame?.schema.series.findIndex(
          ({ metric, values }) => metric === nodeChecks && values[0] === outcome,
        );
        return slot === undefined ? undefined : frame?.values[slot];
      });
    },
    /** Rules and states of the alerts. */
    open: () => bench.engine.alerts().map(({ rule, state }) => `${rule} ${state}`),
  };
}

function describeFrame(frame: Frame | null): Record<string, number | null> {
  const said: Record<string, number | null> = {};
  frame?.schema.series.forEach(({ metric, values }, slot) => {
    if (metric.kind === "counter") return;
    const key = [metric.name.replace("warpwatch_fleet_", ""), ...values].join(" ");
    said[key] = isPresent(frame.present, slot) ? (frame.values[slot] ?? null) : null;
  });
  return said;
}
