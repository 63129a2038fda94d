/** One line per alert that fires or resolves, as the process sees them go by. */
import type { Alert } from "../collector/state/alert.ts";
import { singleLine } from "../core/kit/errors.ts";
import type { Terminal, Tone } from "./terminal.ts";

const severityTones: Readonly<Record<string, Tone>> = { critical: "bad", warning: "caution" };

export interface AlertLines {
  /** The lines for what changed since the last call. */
  since(alerts: readonly Alert[], nowMilliseconds: number): string[];
}

export function createAlertLines(terminal: Terminal): AlertLines {
  let firing = new Map<string, Alert>();
  const line = (word: string, tone: Tone, alert: Alert, milliseconds: number): string => {
    const severity = alert.labels["severity"] ?? "";
    return [
      terminal.paint("faint", timeOfDay(milliseconds)),
      terminal.paint(tone, word.padEnd(8)),
      terminal.paint(severityTones[severity] ?? "faint", severity.padEnd(8)),
      terminal.paint("strong", alert.rule),
      singleLine(alert.annotations["summary"] ?? ""),
    ].join("  ");
  };
  return {
    since(alerts, nowMilliseconds) {
      const now = new Map(
        alerts.filter(({ state }) => state === "firing").map((alert) => [alert.fingerprint, alert]),
      );
      const lines: string[] = [];
      for (const [fingerprint, alert] of now)
        if (!firing.has(fingerprint))
          lines.push(line("firing", "bad", alert, alert.firedAtMilliseconds));
      for (const [fingerprint, alert] of firing)
        if (!now.has(fingerprint)) lines.push(line("resolved", "good", alert, nowMilliseconds));
      firing = now;
      return lines;
    },
  };
}

/** The hour as the user's clock shows it. */
function timeOfDay(milliseconds: number): string {
  return new Date(milliseconds).toTimeString().slice(0, 8);
}
