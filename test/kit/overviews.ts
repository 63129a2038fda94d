/** Overviews as the collector's API gives them, for pages: of many GPUs, and of names that want to be more than names. */
import { createHash } from "node:crypto";
import type {
  AlertOverview,
  GpuOverview,
  GpuState,
  NodeOverview,
  Overview,
} from "../../collector/console/overview.ts";

const gpusPerNode = 8;

/** Readings move with `round`; one GPU in fifty isn't well. */
export function largeOverview(gpus: number, round = 0): Overview {
  const nodes = Array.from({ length: Math.ceil(gpus / gpusPerNode) }, (_, node) =>
    makeNode(`gpu-node-${String(node).padStart(3, "0")}`, node, round),
  );
  const alerts = nodes.flatMap(({ node, gpus: own }) =>
    own.flatMap((gpu) => gpu.alerts.map((rule): AlertOverview => makeAlert(rule, node, gpu.state))),
  );
  return {
    timeMilliseconds: 1_790_000_000_000 + round * 1000,
    version: "0.0.0",
    nodes,
    alerts,
    silences: [],
    maintenance: [],
    findings: [],
  };
}

/** Every string of the page's is the given one. */
export function hostileOverview(name: string): Overview {
  const overview = largeOverview(8);
  return {
    ...overview,
    version: name,
    nodes: overview.nodes.map((node) => ({
      ...node,
      node: name,
      fullestFilesystem: { mountpoint: name, usedRatio: 0.5 },
      sources: [{ source: name, state: "down", reason: name }],
      gpus: node.gpus.map((gpu) => ({
        ...gpu,
        uuid: `${name}${gpu.uuid}`,
        name,
        model: name,
        alerts: [name],
      })),
    })),
    alerts: [
      { ...makeAlert(name, name, "critical"), severity: name, summary: name, runbookUrl: name },
    ],
    findings: [{ detector: name, node: name, subject: name, text: name, sinceMilliseconds: 0 }],
  };
}

function makeNode(name: string, index: number, round: number): NodeOverview {
  return {
    node: name,
    state: "up",
    ageSeconds: 0.5,
    cpuBusyRatio: ((index + round) % 10) / 10,
    memoryUsedRatio: 0.4,
    fullestFilesystem: { mountpoint: "/scratch", usedRatio: 0.62 },
    gpus: Array.from({ length: gpusPerNode }, (_, gpu) => makeGpu(index, gpu, round)),
    sources: ["cpu", "memory", "nvidia_smi"].map((source) => ({ source, state: "up", reason: "" })),
  };
}

function makeGpu(node: number, gpu: number, round: number): GpuOverview {
  const place = node * gpusPerNode + gpu;
  const state = stateOf(place);
  const known = state !== "lost" && state !== "unknown";
  const move = (place * 7 + round * 3) % 20;
  return {
    uuid: `GPU-${place}`,
    name: `gpu${gpu}`,
    model: "NVIDIA H100 80GB HBM3",
    state,
    utilisationRatio: known ? 0.8 + move / 100 : null,
    memoryRatio: known ? 0.7 : null,
    temperatureCelsius: known ? 55 + move : null,
    powerWatts: known ? 600 + move * 4 : null,
    failureWithin30Days: known ? 0.01 + move / 2000 : null,
    alerts: state === "warning" ? ["GpuHot"] : state === "critical" ? ["GpuXid"] : [],
  };
}

function stateOf(place: number): GpuState {
  const states: Readonly<Record<number, GpuState>> = {
    5: "warning",
    18: "critical",
    29: "lost",
    44: "unknown",
  };
  return states[place % 200] ?? "ok";
}

function makeAlert(rule: string, node: string, severity: string): AlertOverview {
  return {
    fingerprint: createHash("sha256").update(`${rule} ${node}`).digest("hex"),
    labels: { alertname: rule, node, severity, component: "gpu" },
    muted: [],
    acknowledged: null,
    told: true,
    rule,
    severity,
    state: "firing",
    unknown: false,
    node,
    sinceMilliseconds: 1_789_999_900_000,
    summary: `a GPU of ${node} needs somebody`,
    runbookUrl: "https://example.org/runbook",
  };
}
