/** Every subcommand, in the order in which the help lists them; each is loaded only when it is asked for, so that an agent doesn't carry a collector. */
import type { Command } from "./command.ts";
import { growHeapSlowly, keepHeapSmall } from "./small-heap.ts";

export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  load(): Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  {
    name: "up",
    summary: "Measure, judge and report this machine: agent, collector and console in one process.",
    load: async () => (await import("./up.ts")).upCommand,
  },
  {
    name: "agent",
    summary: "Measure this node and serve it to Prometheus and to a collector.",
    async load() {
      keepHeapSmall();
      return (await import("./agent.ts")).agentCommand;
    },
  },
  {
    name: "collector",
    summary: "Judge what agents and exporters measure, keep alerts, notify people.",
    async load() {
      growHeapSlowly();
      return (await import("./collector.ts")).collectorCommand;
    },
  },
  {
    name: "demo",
    summary: "Watch a synthetic fleet break, and what is told of it, in six minutes.",
    load: async () => (await import("./demo.ts")).demoCommand,
  },
  {
    name: "doctor",
    summary: "Look at this machine and at Warpwatch on it, and say what to do.",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  {
    name: "check",
    summary: "Check configuration files before a process reads them.",
    load: async () => (await import("./check.ts")).checkCommand,
  },
  {
    name: "backtest",
    summary: "Run a detector over a series in a CSV file.",
    load: async () => (await import("./backtest.ts")).backtestCommand,
  },
  {
    name: "inject",
    summary: "Make a synthetic device fail, to see what follows.",
    load: async () => (await import("./inject.ts")).injectCommand,
  },
  {
    name: "audit",
    summary: "Show who did what, or verify that nobody changed that record.",
    load: async () => (await import("./audit.ts")).auditCommand,
  },
  {
    name: "metrics",
    summary: "Explain the metrics whose names hold a word.",
    load: async () => (await import("./metrics.ts")).metricsCommand,
  },
];
