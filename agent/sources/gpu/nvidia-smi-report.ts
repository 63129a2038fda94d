/** What one `nvidia-smi -q -x` says of each GPU, its MIG instances and its processes. */
import type { Metric } from "../../../core/catalog/metric.ts";
import type { GpuProcess } from "../../probes/nvml/messages.ts";
import {
  instanceFields,
  reportFields,
  type ReportField,
  type ReportTarget,
} from "./nvidia-smi-report-fields.ts";
import { readNumber, readText, saysLost } from "./nvidia-smi-values.ts";
import { childAt, readXml, walkLeaves, type XmlElement } from "./small-xml.ts";

export interface GpuReport {
  /** Empty where the driver no longer knows it. */
  readonly uuid: string;
  readonly pciBusId: string;
  readonly model: string;
  readonly driverVersion: string;
  readonly board: BoardFacts;
  readonly isLost: boolean;
  readonly values: ReportValues;
  readonly instances: readonly InstanceReport[];
  /** Null where it doesn't say. */
  readonly processes: readonly ReportedProcess[] | null;
}

export interface BoardFacts {
  readonly partNumber: string;
  readonly inforomVersion: string;
}

export interface InstanceReport {
  /** The device's number on its GPU. */
  readonly index: string;
  readonly gpuInstance: string;
  readonly values: ReportValues;
}

export interface ReportedProcess extends Pick<GpuProcess, "pid" | "memoryBytes"> {
  readonly gpuInstance: string;
  readonly kinds: readonly GpuProcess["kind"][];
}

/** By metric and labels; what has no value isn't there. */
export type ReportValues = ReadonlyMap<string, ReportValue>;

export interface ReportValue extends Pick<ReportTarget, "metric" | "extraLabels"> {
  readonly value: number;
}

const mebibytes = readNumber("MiB", 1_048_576);
const kindsOfType: Readonly<Record<string, readonly GpuProcess["kind"][]>> = {
  C: ["compute"],
  G: ["graphics"],
  "C+G": ["compute", "graphics"],
  M: ["mps"],
  "M+C": ["mps"],
};

/** In the order in which the driver numbers them. Throws PROGRAM_FAILED. */
export function readReport(text: string): GpuReport[] {
  const log = readXml(text, "nvidia-smi");
  const driverVersion = readText(textAt(log, "driver_version"));
  return log.children
    .filter(({ name }) => name === "gpu")
    .map((element) => readGpu(element, driverVersion));
}

/** Every path under a GPU that holds text, as it stands there. */
export function pathsOf(text: string): Map<string, Set<string>> {
  const paths = new Map<string, Set<string>>();
  for (const gpu of readXml(text, "nvidia-smi").children.filter(({ name }) => name === "gpu"))
    walkLeaves(gpu, (path, leaf) => {
      const texts = paths.get(path);
      if (texts) texts.add(leaf);
      else paths.set(path, new Set([leaf]));
    });
  return paths;
}

function keyOf(metric: Metric, extraLabels: Readonly<Record<string, string>>): string {
  return `${metric.name} ${JSON.stringify(extraLabels)}`;
}

function readGpu(element: XmlElement, driverVersion: string): GpuReport {
  let isLost = false;
  walkLeaves(element, (_, text) => {
    isLost ||= saysLost(text);
  });
  const uuid = textAt(element, "uuid");
  return {
    uuid: uuid.startsWith("GPU-") ? uuid : "",
    pciBusId: readText(textAt(element, "pci/pci_bus_id")) || (element.attributes["id"] ?? ""),
    model: readText(textAt(element, "product_name")),
    driverVersion,
    board: {
      partNumber: readText(textAt(element, "board_part_number")),
      inforomVersion: readText(textAt(element, "inforom_version/img_version")),
    },
    isLost,
    values: readValues(element, reportFields),
    instances: readInstances(element),
    processes: readProcesses(childAt(element, "processes")),
  };
}

function readValues(element: XmlElement, fields: readonly ReportField[]): ReportValues {
  const values = new Map<string, ReportValue>();
  for (const { path, targets } of fields) {
    const found = childAt(element, path);
    if (!found) continue;
    const text = found.text.trim();
    for (const { metric, extraLabels, readText: read, adds } of targets) {
      const key = keyOf(metric, extraLabels);
      const before = values.get(key)?.value;
      const value = read(text);
      if (Number.isNaN(value) || (before !== undefined && adds !== true)) continue;
      values.set(key, { metric, extraLabels, value: value + (before ?? 0) });
    }
  }
  return values;
}

function readInstances(gpu: XmlElement): InstanceReport[] {
  const found = new Map<string, InstanceReport>();
  for (const element of childAt(gpu, "mig_devices")?.children ?? []) {
    const gpuInstance = textAt(element, "gpu_instance_id");
    // Compute instances of the same GPU instance share its memory: the first stands for all.
    if (!/^\d+$/.test(gpuInstance) || found.has(gpuInstance)) continue;
    const values = readValues(element, instanceFields);
    found.set(gpuInstance, { index: textAt(element, "index"), gpuInstance, values });
  }
  return [...found.values()];
}

function readProcesses(element: XmlElement | undefined): ReportedProcess[] | null {
  if (!element || (element.children.length === 0 && element.text.trim() !== "")) return null;
  return element.children.flatMap((process) => {
    const pid = readNumber("")(textAt(process, "pid"));
    const instance = textAt(process, "gpu_instance_id");
    if (Number.isNaN(pid)) return [];
    return {
      pid,
      memoryBytes: mebibytes(textAt(process, "used_memory")),
      gpuInstance: /^\d+$/.test(instance) ? instance : "",
      kinds: kindsOfType[textAt(process, "type")] ?? [],
    };
  });
}

function textAt(element: XmlElement, path: string): string {
  return childAt(element, path)?.text.trim() ?? "";
}
