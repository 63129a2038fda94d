/** What the console shows, as one JSON document: nodes, their GPUs and sources, open alerts, what keeps them quiet, findings. */

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

/** Why people aren't told of an alert. */
export interface MuteOverview {
  readonly kind: "silence" | "maintenance" | "inhibition";
  /** The silence's id, the window's name, the fingerprint of the alert that explains this one. */
  readonly id: string;
  /** Who silenced it, the window's name, the other alert's rule. */
  readonly by: string;
  readonly comment: string;
  /** null where nobody knows. */
  readonly untilMilliseconds: number | null;
}

export interface AcknowledgementOverview {
  readonly by: string;
  readonly comment: string;
  readonly atMilliseconds: number;
}

export interface AlertOverview {
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty when people are told. */
  readonly muted: readonly MuteOverview[];
  readonly acknowledged: AcknowledgementOverview | null;
  /** Somebody was told or will be, so that it can be taken on. */
  readonly told: boolean;
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

/** A silence that isn't over. */
export interface SilenceOverview {
  readonly id: string;
  readonly state: "active" | "pending";
  /** `{node="gpu-07"}` */
  readonly matchers: string;
  readonly createdBy: string;
  readonly comment: string;
  readonly startsAtMilliseconds: number;
  readonly endsAtMilliseconds: number;
  /** Firing alerts that it keeps quiet. */
  readonly alerts: number;
}

export interface MaintenanceOverview {
  readonly name: string;
  readonly comment: string;
  readonly matchers: string;
  /** null while it is closed. */
  readonly openUntilMilliseconds: number | null;
  /** null when it never opens again. */
  readonly nextAtMilliseconds: number | null;
}

export interface Overview {
  readonly timeMilliseconds: number;
  readonly version: string;
  readonly nodes: readonly NodeOverview[];
  readonly alerts: readonly AlertOverview[];
  readonly silences: readonly SilenceOverview[];
  readonly maintenance: readonly MaintenanceOverview[];
  readonly findings: readonly FindingOverview[];
}
