/** The demo's transcript: one line per thing that happens, under the time since the start. */
import type { FindingOverview, Overview } from "../../collector/console/overview.ts";
import { singleLine } from "../../core/kit/errors.ts";
import type { FaultKind } from "../../simulator/fault-kinds.ts";
import type { Fleet } from "../../simulator/fleet.ts";
import { row, type Terminal, type Tone } from "../terminal.ts";
import type { Page } from "./pager.ts";

export interface Story {
  /** The line of the latest readings, as a small chart. */
  chart(overview: Overview): string;
  /** What began to be wrong since the last call. */
  faults(fleet: Fleet): string[];
  /** Findings that are new since the last call. */
  findings(overview: Overview): string[];
  /** Alerts that fire or ended since the last call. */
  alerts(overview: Overview): string[];
  page(page: Page): string;
}

const labelColumns = 16;
const bars = "▁▂▃▄▅▆▇█";
const chartPoints = 8;
const severityTones: Readonly<Record<string, Tone>> = { critical: "bad", warning: "caution" };

/** What happens in the machine room, as somebody standing there would tell it. */
const happenings: Readonly<Partial<Record<FaultKind | "uncorrected_error", string>>> = {
  thermal_runaway: "the paste under the heat sink of {where} gives way: it will creep up",
  filesystem_fill: "checkpoints begin to pile up on /scratch of {where}",
  xid: "the driver reports an XID of {where}",
  gpu_off_bus: "{where} falls off the bus",
  straggler: "{where} becomes a little slower than its seven peers",
  ecc_storm: "the memory of {where} begins to need correcting, thousands of times a second",
  row_remap_pending: "{where} sets a memory row aside until its next reset",
  nic_loss: "the network card of {where} begins to lose packets",
  nvlink_flap: "an NVLink of {where} begins to flap",
  memory_leak: "a data loader on {where} never frees its memory",
};

interface Points {
  readonly heat: number[];
  readonly disk: number[];
}

export function createStory(terminal: Terminal, sinceStart: () => number): Story {
  const points: Points = { heat: [], disk: [] };
  const knownFindings = new Set<string>();
  const knownAlerts = new Map<string, string>();
  let faultsTold = 0;

  const line = (what: string, tone: Tone, text: string): string =>
    row(`${timeText(sinceStart())}  ${what}`, singleLine(text), {
      labelColumns,
      columns: terminal.columns,
      paintLabel: (label) =>
        terminal.paint("faint", label.slice(0, 5)) + terminal.paint(tone, label.slice(5)),
    });

  return {
    chart: (overview) => line("readings", "faint", chartText(points, overview)),
    faults(fleet) {
      const labels = fleet.labels().slice(faultsTold);
      faultsTold += labels.length;
      return labels.map(({ kind, node, gpu }) => {
        const text = happenings[kind] ?? `${kind.replaceAll("_", " ")} on {where}`;
        return line("breaks", "strong", text.replace("{where}", placeOf(fleet, node, gpu)));
      });
    },
    findings: (overview) =>
      overview.findings
        .filter((finding) => isNew(knownFindings, keyOf(finding)))
        .map(({ detector, text }) => line(detector, "caution", text)),
    alerts(overview) {
      const firing = overview.alerts.filter(({ state }) => state === "firing");
      const now = new Map(
        firing.map((alert) => [`${alert.rule} ${alert.node} ${alert.sinceMilliseconds}`, alert]),
      );
      const lines: string[] = [];
      // What it says is in its page.
      for (const [key, { rule, severity, node }] of now)
        if (!knownAlerts.has(key)) {
          knownAlerts.set(key, rule);
          lines.push(
            line(
              "alert",
              severityTones[severity] ?? "faint",
              `${rule} fires, ${severity}, on ${node}`,
            ),
          );
        }
      for (const [key, rule] of knownAlerts)
        if (!now.has(key)) {
          knownAlerts.delete(key);
          lines.push(line("resolved", "good", rule));
        }
      return lines;
    },
    page: ({ action, severity, summary }) =>
      action === "trigger"
        ? line("page", "bad", `${severity}: ${summary}`)
        : line("page ends", "good", summary),
  };
}

/** The hottest GPU and the fullest filesystem, with the way they came. */
function chartText({ heat, disk }: Points, { nodes }: Overview): string {
  const gpus = nodes.flatMap((node) => node.gpus.map((gpu) => ({ node: node.node, ...gpu })));
  const hottest = gpus.toSorted(
    (one, other) => (other.temperatureCelsius ?? 0) - (one.temperatureCelsius ?? 0),
  )[0];
  const fullest = nodes
    .flatMap(({ node, fullestFilesystem }) =>
      fullestFilesystem ? [{ node, ...fullestFilesystem }] : [],
    )
    .toSorted((one, other) => other.usedRatio - one.usedRatio)[0];
  const parts = [];
  if (hottest && hottest.temperatureCelsius !== null) {
    remember(heat, hottest.temperatureCelsius);
    const now = `${Math.round(hottest.temperatureCelsius)} °C`;
    parts.push(`${now} ${spark(heat, 45, 90)} ${hottest.node} ${hottest.name}`);
  }
  if (fullest) {
    remember(disk, fullest.usedRatio);
    const now = `${Math.round(fullest.usedRatio * 100)} %`;
    parts.push(`${now} ${spark(disk, 0.3, 1)} ${fullest.node} ${fullest.mountpoint}`);
  }
  const ok = gpus.filter(({ state }) => state === "ok").length;
  parts.push(`${ok}/${gpus.length} GPUs ok`);
  return parts.join(" · ");
}

function remember(points: number[], value: number): void {
  points.push(value);
  if (points.length > chartPoints) points.shift();
}

function spark(points: readonly number[], low: number, high: number): string {
  return points
    .map((value) => {
      const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
      return bars[Math.round(share * (bars.length - 1))];
    })
    .join("");
}

function placeOf(fleet: Fleet, node: string, uuid: string): string {
  const found = fleet.nodes.find(({ name }) => name === node);
  const gpu = found?.gpus.find(({ identity }) => identity.uuid === uuid);
  return gpu ? `${node} ${gpu.device.name}` : node;
}

function isNew(known: Set<string>, key: string): boolean {
  if (known.has(key)) return false;
  known.add(key);
  return true;
}

function keyOf(finding: FindingOverview): string {
  const { detector, node, subject, sinceMilliseconds } = finding;
  return `${detector} ${node} ${subject} ${sinceMilliseconds}`;
}

/** Minutes and seconds in five columns. */
function timeText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`.padStart(5);
}
