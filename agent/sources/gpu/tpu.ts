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

type Samples = Readonly<Record<RuntimeMetric, readonly number[]>>;

const defaultPort = 8431;
const maximumPorts = 16;
const maximumChips = 64;
/** Each question is a connection of its own: it isn't asked every second. */
const periodMilliseconds = 5000;
const googleVendor = "0x1ae0";
const nothing: Samples = { duty: [], used: [], total: [] };

/** By PCI device, as Google's own tpu-info knows them; the first two by their subsystem. */
const chips: Readonly<Record<string, string>> = {
  "0x0027": "TPU v2 or v3",
  "0x005e": "TPU v4",
  "0x0062": "TPU v5p",
  "0x0063": "TPU v5e",
  "0x006f": "TPU v6e",
  "0x0076": "TPU7x",
};

export function createTpuSource(options: TpuOptions = {}): Source {
  return {
    name: "tpu",
    sampling: "fast",
    metrics: [info, neutral.utilization, neutral.memoryUsed, neutral.memoryTotal],
    open(context) {
      const bus = join(context.env.paths.sysfs, "bus/pci/devices");
      const found = findChips(bus, context.host.node);
      if (found.length === 0) return absent(`no TPU is on the bus at ${bus}`);
      return createReader(context, found, options.ports ?? portsOf(context.env));
    },
  };
}

function createReader(
  context: SourceContext,
  identities: readonly GpuIdentity[],
  ports: readonly number[],
): Reader {
  let registered: ChipSlots[] = [];
  let samples: Samples = nothing;
  let askedAt = -Infinity;

  async function refresh(signal: AbortSignal): Promise<void> {
    const now = context.env.clock.monotonic();
    if (now - askedAt < periodMilliseconds) return;
    askedAt = now;
    samples = nothing;
    samples = byChip(await askRuntime(ports, signal), identities.length);
  }

  return {
    register(slots) {
      registered = identities.map((identity) => {
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

/** Older chips are two devices each, with a memory of its own: their bytes add up, their duty is the mean. */
function byChip(answer: RuntimeAnswer, count: number): Samples {
  const gather = (metric: RuntimeMetric, merge: (values: readonly number[]) => number) => {
    const devices = [...answer[metric]].sort(([left], [right]) => left - right);
    const perChip = devices.length / count;
    // A workload that has but some of the chips tells of these, by their numbers.
    if (!Number.isInteger(perChip) || perChip === 0)
      return Array.from({ length: count }, (_, chip) => answer[metric].get(chip) ?? Number.NaN);
    const values = devices.map(([, value]) => value);
    return Array.from({ length: count }, (_, chip) =>
      merge(values.slice(chip * perChip, (chip + 1) * perChip)),
    );
  };
  const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
  return {
    duty: gather("duty", (values) => sum(values) / values.length),
    used: gather("used", sum),
    total: gather("total", sum),
  };
}

/** In the order of their places, which is that of the runtime's numbers. */
function findChips(bus: string, node: string): GpuIdentity[] {
  const found: GpuIdentity[] = [];
  for (const address of namesIn(bus).sort()) {
    if (textOf(join(bus, address, "vendor")) !== googleVendor) continue;
    const model = chips[textOf(join(bus, address, "device"))];
    if (model === undefined || found.length >= maximumChips) continue;
    const index = found.length;
    found.push({ node, index, uuid: address, pciBusId: address, model, driverVersion: "" });
  }
  return found;
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
