/** Alerts for tests: a plausible one, changed where the test says so. */
import { fingerprintOf, type Alert } from "../../collector/state/alert.ts";

/** A firing critical GPU alert; its fingerprint follows from its rule and labels. */
export function makeAlert(changes: Partial<Omit<Alert, "fingerprint">> = {}): Alert {
  const alert = {
    rule: "GpuHot",
    labels: {
      alertname: "GpuHot",
      node: "node-07",
      gpu: "3",
      UUID: "GPU-0",
      severity: "critical",
      team: "infrastructure",
      component: "gpu",
    },
    annotations: {
      summary: "GPU 3 on node-07 is at 93 °C",
      description: "The GPU is hotter than its slowdown limit.",
      runbook_url: "https://runbooks.example/GpuHot.md",
    },
    state: "firing" as const,
    unknown: false,
    value: 93,
    activeAtMilliseconds: 1_795_000_000_000,
    firedAtMilliseconds: 1_795_000_030_000,
    resolvedAtMilliseconds: 0,
    ...changes,
  };
  return { fingerprint: fingerprintOf(alert.rule, alert.labels), ...alert };
}

/** The same alert, resolved. */
export function resolved(alert: Alert, atMilliseconds = alert.firedAtMilliseconds + 60_000): Alert {
  return { ...alert, state: "resolved", resolvedAtMilliseconds: atMilliseconds };
}

/** An alert of its own for each number. */
export function makeNumberedAlert(number: number): Alert {
  return makeAlert({ labels: { ...makeAlert().labels, gpu: String(number) } });
}
