/** The console's document, made of the newest samples, the fleet's members and the open alerts. */
import type { Clock } from "../../core/kit/clock.ts";
import { version } from "../../core/kit/version.ts";
import type { GpuOverview, GpuState, NodeOverview, Overview } from "../console/overview.ts";
import type { Engine } from "../detect/engine.ts";
import type { GpuFailure } from "../detect/learned/failure-detector.ts";
import type { Finding } from "../detect/learned/finding.ts";
import type { Learned } from "../detect/learned/learned.ts";
import type { Fleet, NodeView } from "../fleet/fleet.ts";
import type { Ingest } from "../ingest/door.ts";
import type { OriginState } from "../origin.ts";
import type { Alert } from "../state/alert.ts";
import type { Quiet } from "./quiet.ts";
import { readOrigin, type Readings } from "./readings.ts";

export interface OverviewParts {
  readonly clock: Clock;
  readonly ingest: Pick<Ingest, "origins">;
  readonly fleet: Pick<Fleet, "nodes">;
  readonly engine: Pick<Engine, "alerts">;
  readonly learned: Pick<Learned, "findings" | "failures">;
  readonly quiet: Quiet;
}

interface CpuMark {
  readonly idle: number;
  readonly total: number;
  readonly busy: number | null;
}

interface Verdicts {
  readonly alerts: readonly Alert[];
  /** By UUID. */
  readonly failures: ReadonlyMap<string, GpuFailure>;
}

/** Counters this much further make a ratio that says something. */
const leastCpuSeconds = 0.5;

export function createOverview(parts: OverviewParts): () => Overview {
  let marks = new Map<string, CpuMark>();
  return () => {
    const origins = new Map([...parts.ingest.origins()].map((state) => [state.key, state]));
    const alerts = parts.engine.alerts();
    const failures = new Map(parts.learned.failures().map((one) => [one.uuid, one]));
    const now = new Map<string, CpuMark>();
    const nodes = parts.fleet
      .nodes()
      .filter((node) => node.state !== "removed")
      .map((node) => {
        const states = node.origins.flatMap((key) => origins.get(key) ?? []);
        const readings = states.map(readOrigin);
        states.forEach((state, index) => {
          const mark = markCpu(marks.get(state.key), readings[index]);
          if (mark) now.set(state.key, mark);
        });
        const busy = states.flatMap(({ key }) => now.get(key)?.busy ?? []);
        const verdicts = { alerts, failures };
        return describeNode(node, states, readings, verdicts, busy[0] ?? null, parts.clock);
      });
    marks = now;
    const timeMilliseconds = parts.clock.now();
    const quiet = parts.quiet(alerts, timeMilliseconds);
    return {
      timeMilliseconds,
      version,
      nodes: nodes.toSorted((one, other) => one.node.localeCompare(other.node)),
      alerts: alerts.map((alert) => ({ ...describeAlert(alert), ...quiet.of(alert) })),
      silences: quiet.silences,
      maintenance: quiet.maintenance,
      findings: parts.learned.findings().map(describeFinding),
    };
  };
}

function describeNode(
  node: NodeView,
  states: readonly OriginState[],
  readings: readonly Readings[],
  verdicts: Verdicts,
  cpuBusyRatio: number | null,
  clock: Clock,
): NodeOverview {
  const arrived = Math.max(...states.map((state) => state.arrivedMonotonic));
  // What was measured before a node fell silent is no reading of now.
  const fresh = node.state === "up" ? readings : [];
  return {
    node: node.node,
    state: node.state === "removed" ? "gone" : node.state,
    ageSeconds: states.length === 0 ? null : (clock.monotonic() - arrived) / 1000,
    cpuBusyRatio: node.state === "up" ? cpuBusyRatio : null,
    memoryUsedRatio: firstOf(fresh, (one) => one.memoryUsedRatio),
    fullestFilesystem: firstOf(fresh, (one) => one.fullestFilesystem),
    gpus: describeGpus(node, fresh, verdicts),
    sources: readings.flatMap(({ sources }) => sources),
  };
}

function describeGpus(
  node: NodeView,
  readings: readonly Readings[],
  { alerts, failures }: Verdicts,
): GpuOverview[] {
  const missing = new Set(node.missing.map(({ id }) => id));
  const listed = [...node.gpus, ...node.missing];
  const gpus = listed.map(({ id, index, model }) => {
    const own = alerts.filter(
      ({ labels, state }) =>
        labels["UUID"] === id && labels["node"] === node.node && state === "firing",
    );
    const reading = missing.has(id) ? null : firstOf(readings, ({ gpus }) => gpus.get(id) ?? null);
    return {
      uuid: id,
      name: `gpu${index}`,
      model,
      state: stateOf(own, missing.has(id), reading?.temperatureCelsius ?? null),
      utilisationRatio: reading?.utilisationRatio ?? null,
      memoryRatio: reading?.memoryRatio ?? null,
      temperatureCelsius: reading?.temperatureCelsius ?? null,
      powerWatts: reading?.powerWatts ?? null,
      failureWithin30Days: failures.get(id)?.within30Days ?? null,
      alerts: own.map(({ rule }) => rule),
    };
  });
  return gpus.toSorted((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
}

function stateOf(alerts: readonly Alert[], missing: boolean, celsius: number | null): GpuState {
  if (missing) return "lost";
  if (alerts.some(({ labels }) => labels["severity"] === "critical")) return "critical";
  if (alerts.some(({ labels }) => labels["severity"] === "warning")) return "warning";
  return celsius === null ? "unknown" : "ok";
}

function describeAlert(
  alert: Alert,
): Omit<Overview["alerts"][number], "muted" | "acknowledged" | "told"> {
  return {
    fingerprint: alert.fingerprint,
    labels: alert.labels,
    rule: alert.rule,
    severity: alert.labels["severity"] ?? "",
    state: alert.state,
    unknown: alert.unknown,
    node: alert.labels["node"] ?? "",
    sinceMilliseconds: alert.activeAtMilliseconds,
    summary: alert.annotations["summary"] ?? "",
    runbookUrl: alert.annotations["runbook_url"] ?? "",
  };
}

function describeFinding(finding: Finding): Overview["findings"][number] {
  const { detector, node, subject, sinceMilliseconds, text } = finding;
  return { detector, node, subject, sinceMilliseconds, text };
}

/** Busy since the last mark; a page that asks again at once gets the ratio it had. */
function markCpu(before: CpuMark | undefined, readings: Readings | undefined): CpuMark | null {
  if (!readings || readings.cpuSeconds === 0) return null;
  const { cpuIdleSeconds: idle, cpuSeconds: total } = readings;
  if (!before || total < before.total) return { idle, total, busy: null };
  const passed = total - before.total;
  if (passed < leastCpuSeconds) return before;
  return { idle, total, busy: Math.min(1, Math.max(0, 1 - (idle - before.idle) / passed)) };
}

function firstOf<Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Result | null,
): Result | null {
  for (const item of items) {
    const found = read(item);
    if (found !== null) return found;
  }
  return null;
}
