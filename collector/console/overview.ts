/** What the console shows, as one JSON document: nodes, their GPUs and sources, open alerts, findings. */

export type NodeState = "up" | "unknown" | "gone";
export type GpuState = "ok" | "warning" | "critical" | "unknown" | "lost";

/** A reading is null where nothing was measured: unknown is neither 0 nor healthy. */
export interface GpuOverview {
  readonly uuid: string;
  readonly name: string;
  readonly model: string;
  readonly state: GpuState;
  readonly utilisationRatio: number | null;
  readonly memoryRatio: number | null;
  readonly temperatureCelsius: number | null;
  readonly powerWatts: number | null;
  /** Probability of failing within 30 days, and why. */
  readonly failureWithin30Days: number | null;
  readonly alerts: readonly string[];
}

export interface SourceOverview {
  readonly source: string;
  readonly state: "up" | "absent" | "down";
  readonly reason: string;
}

export interface NodeOverview {
  readonly node: string;
  readonly state: NodeState;
  /** Seconds since its last frame; null when there never was one. */
  readonly ageSeconds: number | null;
  readonly cpuBusyRatio: number | null;
  readonly memoryUsedRatio: number | null;
  readonly fullestFilesystem: { readonly mountpoint: string; readonly usedRatio: number } | null;
  readonly gpus: readonly GpuOverview[];
  readonly sources: readonly SourceOverview[];
}

export interface AlertOverview {
  readonly rule: string;
  readonly severity: string;
  readonly state: "pending" | "firing" | "resolved";
  readonly unknown: boolean;
  readonly node: string;
  readonly sinceMilliseconds: number;
  readonly summary: string;
  readonly runbookUrl: string;
}

export interface FindingOverview {
  readonly detector: string;
  readonly node: string;
  readonly subject: string;
  readonly sinceMilliseconds: number;
  readonly text: string;
}

export interface Overview {
  readonly timeMilliseconds: number;
  readonly version: string;
  readonly nodes: readonly NodeOverview[];
  readonly alerts: readonly AlertOverview[];
  readonly findings: readonly FindingOverview[];
}
