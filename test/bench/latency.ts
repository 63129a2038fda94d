/**
 * How long a breach takes to reach a pager: a real filesystem is filled and emptied again and again; timed from the write to the
 * receipt, through Alertmanager and directly. `npm run bench:latency [-- --injections 50]`; results go to test/bench/results.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createRandom } from "../kit/random.ts";
import type { Incident, PagerDutyReceiver } from "../kit/receivers.ts";
import { hasAlertmanager, startStack, type Stack } from "../kit/stack.ts";

interface Spread {
  readonly count: number;
  readonly medianMilliseconds: number;
  readonly p99Milliseconds: number;
  readonly longestMilliseconds: number;
}

const longestWaitMilliseconds = 30_000;
const seed = 1;

async function measure(stack: Stack, injections: number): Promise<Record<string, Spread>> {
  const { filesystem, direct, behindAlertmanager } = stack;
  if (!filesystem) throw new Error("this bench needs to mount a tmpfs: run it as root");
  const random = createRandom(seed);
  const paths = { direct, alertmanager: behindAlertmanager };
  const times: Record<string, number[]> = {};
  const note = (name: string, milliseconds: number): void => {
    (times[name] ??= []).push(milliseconds);
  };
  const incidentsOf = (receiver: PagerDutyReceiver): Incident[] =>
    receiver.incidents.filter(({ component }) => component === filesystem.mountPoint);

  for (let injection = 0; injection < injections; injection += 1) {
    // At any phase of the agent's and the collector's seconds.
    await delay(random.between(200, 1200));
    for (const [what, change] of [
      ["trigger", () => filesystem.fill()],
      ["resolve", () => filesystem.empty()],
    ] as const) {
      change();
      const changedAt = performance.timeOrigin + performance.now();
      await Promise.all(
        Object.entries(paths).map(async ([path, receiver]) => {
          const arrival = (): number => {
            const incident = incidentsOf(receiver)[injection];
            if (what === "trigger") return incident?.openedAtMilliseconds ?? 0;
            return incident?.resolvedAtMilliseconds ?? 0;
          };
          await receiver.until(() => arrival() > 0, longestWaitMilliseconds);
          note(`${path} ${what}`, arrival() - changedAt);
        }),
      );
      await delay(random.between(100, 600));
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, spreadOf(list)]));
}

function spreadOf(milliseconds: readonly number[]): Spread {
  const sorted = milliseconds.toSorted((one, other) => one - other);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0);
  return {
    count: sorted.length,
    medianMilliseconds: at(0.5),
    p99Milliseconds: at(0.99),
    longestMilliseconds: at(1),
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { injections: { type: "string", default: "50" } } });
  if (!hasAlertmanager) throw new Error("prometheus-alertmanager isn't installed: npm run setup");
  const stack = await startStack();
  try {
    const spreads = await measure(stack, Number(values.injections));
    for (const [name, spread] of Object.entries(spreads))
      process.stdout.write(
        `${name.padEnd(22)} median ${spread.medianMilliseconds} ms, p99 ${spread.p99Milliseconds} ms, longest ${spread.longestMilliseconds} ms (${spread.count})\n`,
      );
    const folder = join(import.meta.dirname, "results");
    mkdirSync(folder, { recursive: true });
    const measuredOn = {
      date: new Date().toISOString(),
      node: process.version,
      processors: cpus().length,
      processor: cpus()[0]?.model ?? "",
    };
    const result = { ...measuredOn, samplingSeconds: 1, scrapeSeconds: 1, spreads };
    writeFileSync(
      join(folder, `latency-${measuredOn.date.replaceAll(/[:.]/g, "-")}.json`),
      `${JSON.stringify(result, null, 2)}\n`,
    );
  } finally {
    await stack.stop();
  }
}
