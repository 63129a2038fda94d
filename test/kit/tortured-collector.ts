/** One life of the real collector under the storage shim: its settings, its start, when it was ready, and its end. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { boundWhenBusy } from "./busy.ts";
import { repositoryRoot } from "./sources.ts";
import { storageEnvironment, type StorageShim } from "./storage-shim.ts";
import { alarmMetric, alarmRule, alarmSummary } from "./witness.ts";

export interface LifeOptions {
  /** Its state folder. */
  readonly folder: string;
  readonly port: number;
  /** Of the PagerDuty stand-in. */
  readonly pager: string;
  readonly shim: StorageShim;
}

export interface Life {
  readonly address: string;
  /** The collector's log so far. */
  output(): string;
  readonly isOver: boolean;
  /** How long it took until it was ready; null when it ended before. */
  ready(): Promise<Readiness | null>;
  pushToken(): string;
  /** Asks the API as its admin. */
  ask(path: string): Promise<unknown>;
  /** The signal that ended it, or its exit code. */
  end(signal: NodeJS.Signals): Promise<string>;
  ended: Promise<unknown>;
}

export interface Readiness {
  readonly milliseconds: number;
  /** Of that, what the collector itself computed: the rest it waited for a processor, or for its first second to begin. */
  readonly processorMilliseconds: number;
}

/** `TORTURE_BINARY` names another one, as what ships. */
const binary = process.env["TORTURE_BINARY"] ?? join(repositoryRoot, "bin/warpwatch.js");
const giveUpMilliseconds = 240_000;
const readyLimitMilliseconds = 5000;
const firstSecondMilliseconds = 1000;
const ticksPerSecond = 100;
const pollMilliseconds = 10;

export function startLife(options: LifeOptions): Life {
  const { folder, port } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const config = `${folder}.yaml`;
  writeFileSync(config, JSON.stringify(torturedSettings(options)));
  const started = performance.now();
  const child: ChildProcess = spawn(
    process.execPath,
    [binary, "collector", `--config.file=${config}`],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        ...storageEnvironment(options.shim),
      },
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (part: Buffer) => (output += part.toString()));
  const address = `http://127.0.0.1:${port}`;
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const ended = once(child, "close");
  return {
    address,
    ended,
    output: () => output,
    get isOver() {
      return isOver();
    },
    async ready() {
      while (!isOver() && performance.now() - started < giveUpMilliseconds) {
        const answer = await fetch(`${address}/-/ready`).catch(() => null);
        await answer?.arrayBuffer().catch(() => null);
        if (answer?.ok === true)
          return {
            milliseconds: performance.now() - started,
            processorMilliseconds: processorMilliseconds(child.pid ?? 0),
          };
        await delay(pollMilliseconds);
      }
      return null;
    },
    pushToken: () => readFileSync(join(folder, "push-token"), "utf8").trim(),
    async ask(path) {
      const token = readFileSync(join(folder, "token"), "utf8").trim();
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${address}${path}`, { headers })).json();
    },
    async end(signal) {
      if (!isOver()) child.kill(signal);
      await ended;
      return child.signalCode ?? String(child.exitCode);
    },
  };
}

/**
 * What is wrong with it. On a machine that has more work than processors only what the collector itself needs is held to the
 * limit: its processor time, and the second that it waits for.
 */
export function judgeReadiness({ milliseconds, processorMilliseconds }: Readiness): string[] {
  const isBusy = boundWhenBusy(1) > 1;
  const needed = isBusy ? processorMilliseconds + firstSecondMilliseconds : milliseconds;
  if (needed <= readyLimitMilliseconds) return [];
  return [`ready only after ${Math.round(needed)} ms`];
}

export function slower(one: Readiness, other: Readiness): Readiness {
  return {
    milliseconds: Math.round(Math.max(one.milliseconds, other.milliseconds)),
    processorMilliseconds: Math.max(one.processorMilliseconds, other.processorMilliseconds),
  };
}

/** Of all its threads, as /proc/PID/stat counts it. */
function processorMilliseconds(process: number): number {
  const fields = readFileSync(`/proc/${process}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

/** The collector's configuration. */
export function torturedSettings({
  folder,
  port,
  pager,
}: Pick<LifeOptions, "folder" | "port" | "pager">): object {
  return {
    listen: `127.0.0.1:${port}`,
    state_folder: folder,
    history: { raw_hours: 1, retention_days: 3650 },
    own_rules: [
      {
        alert: alarmRule,
        metric: alarmMetric,
        op: ">",
        threshold: 0,
        severity: "critical",
        summary: alarmSummary("{{ node }}"),
      },
    ],
    notifiers: [
      {
        type: "pagerduty",
        url: pager,
        routing_key: "k".repeat(32),
        timeout: "1s",
        group_by: ["..."],
      },
    ],
  };
}
