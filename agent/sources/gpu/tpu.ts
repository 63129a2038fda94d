/** Google TPUs: which there are by the PCI bus, what they do by the metric service of their runtime, which answers while a workload runs. */
import { join } from "node:path";
import { readdirSync, readFileSync } from "node:fs";
import { gpuDevice, gpuLabels, type GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import { info } from "../../../core/catalog/gpu.ts";
import * as neutral from "../../../core/catalog/gpu-neutral.ts";
import type { Env } from "../../../core/kit/env.ts";
import { absent, type Reader, type Source, type SourceContext } from "../source.ts";
import { askRuntime, type RuntimeAnswer, type RuntimeMetric } from "./tpu-runtime.ts";

export interface TpuOptions {
  /** Where the runtimes listen on this machine. */
  readonly ports?: readonly number[];
}

interface ChipSlots {
  readonly infoSlot: number;
  readonly slots: Readonly<Record<RuntimeMetric, number>>;
}

/** A machine has chips of one kind. */
interface Found {
  readonly identities: readonly GpuIdentity[];
  readonly devicesPerChip: number;
}

type Samples = Readonly<Record<RuntimeMetric, readonly number[]>>;

const defaultPort = 8431;
const maximumPorts = 16;
const maximumChips = 64;
/** Each question is a connection of its own: it isn't asked every second. */
const periodMilliseconds = 5000;
const googleVendor = "0x1ae0";
const nothing: Samples = { duty: [], used: [], total: [] };

/** By PCI device, as Google's own tpu-info knows them: the name, and how many devices a chip is. */
const chips: Readonly<Record<string, readonly [model: string, devices: number]>> = {
  "0x0027": ["TPU v2 or v3", 2],
  "0x005e": ["TPU v4", 1],
  "0x0062": ["TPU v5p", 1],
  "0x0063": ["TPU v5e", 1],
  "0x006f": ["TPU v6e", 1],
  "0x0076": ["TPU7x", 2],
};

export function createTpuSource(options: TpuOptions = {}): Source {
  return {
    name: "tpu",
    sampling: "fast",
    metrics: [info, neutral.utilization, neutral.memoryUsed, neutral.memoryTotal],
    open(context) {
      const bus = join(context.env.paths.sysfs, "bus/pci/devices");
      const found = findChips(bus, context.host.node);
      if (found.identities.length === 0) return absent(`no TPU is on the bus at ${bus}`);
      return createReader(context, found, options.ports ?? portsOf(context.env));
    },
  };
}

function createReader(context: SourceContext, found: Found, ports: readonly number[]): Reader {
  let registered: ChipSlots[] = [];
  let samples: Samples = nothing;
  let failure: unknown;
  let askedAt = -Infinity;

  /** A service that failed is down until it is asked again. */
  async function refresh(signal: AbortSignal): Promise<void> {
    const now = context.env.clock.monotonic();
    if (now - askedAt >= periodMilliseconds) {
      askedAt = now;
      samples = nothing;
      failure = undefined;
      try {
        samples = byChip(await askRuntime(ports, signal), found);
      } catch (thrown) {
        failure = thrown;
      }
    }
    if (failure !== undefined) throw failure;
  }

  return {
    register(slots) {
      registered = found.identities.map((identity) => {
        const as = gpuDevice(identity, context.host.place);
        const labels = neutral.neutralLabels(identity, "google");
        const facts = {
          ...gpuLabels(identity),
          pci_bus_id: identity.pciBusId,
          model: identity.model,
          serial: "",
          driver_version: "",
          vbios_version: "",
        };
        return {
          infoSlot: slots.slot(info, facts, as),
          slots: {
            duty: slots.slot(neutral.utilization, labels, as),
            used: slots.slot(neutral.memoryUsed, labels, as),
            total: slots.slot(neutral.memoryTotal, labels, as),
          },
        };
      });
    },
    async read(column, signal) {
      await refresh(signal);
      registered.forEach(({ infoSlot, slots }, chip) => {
        column[infoSlot] = 1;
        column[slots.duty] = (samples.duty[chip] ?? Number.NaN) / 100;
        column[slots.used] = samples.used[chip] ?? Number.NaN;
        column[slots.total] = samples.total[chip] ?? Number.NaN;
      });
    },
    close() {
      samples = nothing;
    },
  };
}

/** Where a chip is two devices, each has a memory of its own: their bytes add up, their duty is the mean. */
function byChip(
  { duty, used, total }: RuntimeAnswer,
  { identities, devicesPerChip }: Found,
): Samples {
  const gather = (values: ReadonlyMap<number, number>, perChip: number): number[][] =>
    identities.map((_, chip) =>
      [...values].flatMap(([device, value]) =>
        Math.floor(device / perChip) === chip ? [value] : [],
      ),
    );
  const sum = (values: readonly number[]): number =>
    values.length === 0 ? Number.NaN : values.reduce((all, one) => all + one, 0);
  // Older runtimes tell the duty of chips, newer ones that of devices.
  const dutyPerChip = duty.size === used.size ? devicesPerChip : 1;
  return {
    duty: gather(duty, dutyPerChip).map((values) => sum(values) / values.length),
    used: gather(used, devicesPerChip).map(sum),
    total: gather(total, devicesPerChip).map(sum),
  };
}

/** In the order of their places, which is that of the runtime's numbers. */
function findChips(bus: string, node: string): Found {
  const identities: GpuIdentity[] = [];
  let devicesPerChip = 1;
  for (const address of namesIn(bus).sort()) {
    if (textOf(join(bus, address, "vendor")) !== googleVendor) continue;
    const [model, devices = 1] = chips[textOf(join(bus, address, "device"))] ?? [];
    if (model === undefined || identities.length >= maximumChips) continue;
    const index = identities.length;
    identities.push({ node, index, uuid: address, pciBusId: address, model, driverVersion: "" });
    devicesPerChip = devices;
  }
  return { identities, devicesPerChip };
}

/** As the runtime itself is told: one port for each process of the workload. */
function portsOf({ variables }: Env): readonly number[] {
  const given = (variables["TPU_RUNTIME_METRICS_PORTS"] ?? "")
    .split(",")
    .map(Number)
    .filter((port) => Number.isInteger(port) && port > 0 && port < 65_536);
  return given.length === 0 ? [defaultPort] : given.slice(0, maximumPorts);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
