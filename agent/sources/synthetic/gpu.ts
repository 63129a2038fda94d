/** The GPUs of one synthetic node, under the names and labels of the real GPU sources; its truth is the simulator's columns. */
import { info } from "../../../core/catalog/gpu.ts";
import { lost } from "../../../core/catalog/gpu-errors.ts";
import { dcgmLabels, gpuLabels } from "../../../core/catalog/gpu-labels.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Fleet } from "../../../simulator/fleet.ts";
import type { FleetGpu } from "../../../simulator/identity.ts";
import { createXidMetrics, xidEvent, xidMetrics, type XidMetrics } from "../gpu/xid-metrics.ts";
import type { Reader, Source, SourceContext } from "../source.ts";
import { advanceFleet } from "./advance.ts";
import {
  dcgmReadings,
  linkReadings,
  neutralReadings,
  plainReadings,
  recoveryReadings,
  remapReadings,
  throttleReadings,
  type ReadGpu,
} from "./gpu-readings.ts";

interface Binding {
  readonly index: number;
  readonly infoSlot: number;
  readonly lostSlot: number;
  readonly cells: readonly { readonly slot: number; readonly read: ReadGpu }[];
}

type Readings = ReturnType<typeof readingsOf>;

export function createSyntheticGpuSource(fleet: Fleet, node: number): Source {
  const readings = readingsOf(fleet);
  // Outlives a reader, as counters from zero must.
  const xids = createXidMetrics();
  return {
    name: "synthetic_gpu",
    sampling: "fast",
    metrics: [info, lost, ...metricsOf(readings), ...xidMetrics],
    open: (context) => createReader(context, fleet, node, readings, xids),
  };
}

function createReader(
  context: SourceContext,
  fleet: Fleet,
  node: number,
  readings: Readings,
  xids: XidMetrics,
): Reader {
  const gpus = fleet.nodes[node]?.gpus ?? [];
  const identities = gpus.map((gpu) => gpu.identity);
  const place = fleet.nodes[node]?.device.place ?? context.host.place;
  let bindings: Binding[] = [];

  /** True when an XID made a series or changed a label. */
  function reportEvents(): boolean {
    let changed = false;
    for (const event of fleet.drainEvents(node)) {
      const code = Number(event.fields["code"]);
      if (event.kind === "xid") {
        changed = xids.note(event.device, code, event.timeMilliseconds) || changed;
        context.events.report(xidEvent(event.device, code, event.timeMilliseconds, event.text));
      } else context.events.report(event);
    }
    return changed;
  }

  return {
    register(slots) {
      bindings = gpus.map((gpu) => {
        const index = node * fleet.gpusPerNode + gpu.identity.index;
        return bind(slots, gpu, index, readings);
      });
      xids.register(slots, identities, place);
    },
    read(column, signal) {
      advanceFleet(fleet, node, context.env.clock);
      if (reportEvents()) return "changed";
      if ((fleet.host.nodes.hang[node] ?? 0) > 0) return untilAborted(signal);
      for (const binding of bindings) write(binding, fleet, column);
      xids.write(column);
      return undefined;
    },
    close() {
      bindings = [];
    },
  };
}

function readingsOf(fleet: Fleet) {
  const dcgm = dcgmReadings(fleet);
  return {
    dcgm,
    neutral: neutralReadings(dcgm),
    plain: plainReadings(fleet),
    throttle: throttleReadings(fleet),
    recovery: recoveryReadings(fleet),
    remap: remapReadings(fleet),
    link: linkReadings(fleet),
  };
}

function metricsOf(readings: Readings): Metric[] {
  return [...new Set(Object.values(readings).flatMap((list) => list.map(({ metric }) => metric)))];
}

function bind(slots: SlotRegistrar, gpu: FleetGpu, index: number, readings: Readings): Binding {
  const { identity, device } = gpu;
  const full = dcgmLabels(identity);
  const own = gpuLabels(identity);
  const { dcgm, neutral, plain, throttle, recovery, remap, link } = readings;
  return {
    index,
    infoSlot: slots.slot(
      info,
      {
        ...own,
        pci_bus_id: identity.pciBusId,
        model: identity.model,
        serial: gpu.serial,
        driver_version: identity.driverVersion,
        vbios_version: "synthetic",
      },
      device,
    ),
    lostSlot: slots.slot(lost, own, device),
    cells: [
      ...dcgm.map(({ metric, read }) => ({ slot: slots.slot(metric, full, device), read })),
      ...[neutral, plain, throttle, recovery, remap, link].flatMap((list) =>
        list.map(({ metric, labels, read }) => ({
          slot: slots.slot<string>(metric, { ...own, ...labels }, device),
          read,
        })),
      ),
    ],
  };
}

/** What a GPU that is off the bus leaves in its slots is NaN: absent. */
function write({ index, infoSlot, lostSlot, cells }: Binding, fleet: Fleet, column: Float64Array) {
  const isLost = (fleet.gpus.lost[index] ?? 0) > 0;
  column[infoSlot] = 1;
  column[lostSlot] = isLost ? 1 : 0;
  if (isLost) return;
  for (const { slot, read } of cells) column[slot] = read(index);
}

/** A driver that hangs doesn't answer and doesn't fail: only the deadline ends the wait. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = (): void => reject(new Error("the synthetic driver hangs"));
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp, { once: true });
  });
}
