/** What the nodes' kernels and drivers log, as events per node; and the counters that go with a memory error or a driver's reload. */
import { describeXid } from "../core/catalog/xid.ts";
import { createBoundedQueue } from "../core/kit/bounds.ts";
import type { EventKind, EventReport } from "../core/wire/event.ts";
import type { GpuColumns } from "./columns.ts";
import type { FleetGpu, FleetNode } from "./identity.ts";
import type { GpuModel } from "./models.ts";

export interface DriverLog {
  report(node: number, event: Omit<EventReport, "timeMilliseconds">): void;
  /** An XID of a GPU by its fleet-wide index; AMD's driver has none and says it in words. */
  xid(gpu: number, code: number): void;
  /** An error that ECC could not mend: it is counted, and its row waits for the next reset. */
  uncorrected(gpu: number): void;
  linkChange(node: number, gpu: number, text: string): void;
  drain(node: number): EventReport[];
  dropped(node: number): number;
}

const eventsPerNode = 1000;

export function createDriverLog(
  model: GpuModel,
  nodes: readonly FleetNode[],
  gpus: GpuColumns,
  nowMilliseconds: () => number,
): DriverLog {
  const queues = nodes.map(() => createBoundedQueue<EventReport>(eventsPerNode));
  const flat = nodes.flatMap((node, index) => node.gpus.map((gpu) => ({ gpu, node: index })));
  const fieldsOf = ({ identity }: FleetGpu): Record<string, string> => ({
    gpu: String(identity.index),
    pci_bus_id: identity.pciBusId,
  });

  function report(node: number, event: Omit<EventReport, "timeMilliseconds">): void {
    queues[node]?.push({ timeMilliseconds: nowMilliseconds(), ...event });
  }
  function reportGpu(gpu: number, kind: EventKind, text: string, fields = {}): void {
    const place = flat[gpu];
    if (place)
      report(place.node, {
        kind,
        device: place.gpu.identity.uuid,
        text,
        fields: { ...fields, ...fieldsOf(place.gpu) },
      });
  }
  function xid(gpu: number, code: number): void {
    const { description } = describeXid(code);
    if (model.vendor === "amd") {
      reportGpu(gpu, code === 79 ? "gpu_lost" : "memory_error", `amdgpu: ${description}`);
      return;
    }
    gpus.lastXid[gpu] = code;
    // The kernel prints the address with a domain of four digits and without the function.
    const address = flat[gpu]?.gpu.identity.pciBusId.slice(4, -2) ?? "";
    reportGpu(gpu, "xid", `NVRM: Xid (PCI:${address}): ${code}, ${description}`, {
      code: String(code),
    });
  }

  return {
    report,
    xid,
    uncorrected(gpu) {
      gpus.eccUncorrectedVolatile[gpu]! += 1;
      gpus.eccUncorrectedAggregate[gpu]! += 1;
      gpus.remappedUncorrectable[gpu]! += 1;
      gpus.remapPending[gpu] = 1;
      // The order in which the driver logs them: the error, the row to be replaced, the application that is stopped.
      for (const code of [48, 63, 94]) xid(gpu, code);
    },
    linkChange(node, gpu, text) {
      if (gpu >= 0) reportGpu(gpu, "link_change", text);
      else report(node, { kind: "link_change", device: "", text, fields: {} });
    },
    drain: (node) => queues[node]?.drain() ?? [],
    dropped: (node) => queues[node]?.dropped ?? 0,
  };
}

/** What the driver counts begins at 0 when it is loaded; what the board remembers stays. */
export function resetDriver(gpus: GpuColumns, gpu: number): void {
  for (const column of [
    gpus.energyMillijoules,
    gpus.pcieReplays,
    gpus.linkBytes,
    gpus.linkCrcErrors,
    gpus.linkReplays,
    gpus.linkRecoveries,
    gpus.eccCorrectedVolatile,
    gpus.eccUncorrectedVolatile,
    gpus.remapPending,
    gpus.lastXid,
    gpus.idleSeconds,
    gpus.powerCapSeconds,
    gpus.hardwareSlowdownSeconds,
    gpus.hardwareThermalSeconds,
    gpus.powerBrakeSeconds,
    gpus.softwareThermalSeconds,
  ])
    column[gpu] = 0;
}
