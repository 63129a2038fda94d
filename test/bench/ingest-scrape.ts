/**
 * What scraping costs on one processor: gzip pages of nodes of 2,500 series, once a second, by our collector with all rules,
 * with and without history, by a real Prometheus, without rules and with ours, and by a real VictoriaMetrics. In turns.
 * `node test/bench/ingest-scrape.ts [--targets 40 --series 2500 --seconds 20 --warm 15 --rounds 3 --only warpwatch --bundle]`, the last
 * after `npm run build`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { freePort, startProgram, untilAnswered } from "../kit/programs.ts";
import { repositoryRoot } from "../kit/sources.ts";
import { memoryOf, treeMilliseconds } from "./process-cost.ts";
import { reportBench, type BenchRow } from "./report.ts";
import { contestants, type Contestant } from "./scrape-programs.ts";

interface Cost {
  /** Per second of processor time of all the program's processes. */
  readonly samples: number;
  readonly residentBytesPerSeries: number;
}

interface Served {
  readonly served: number;
  readonly samples: number;
  readonly pageBytes: number;
  readonly packedBytes: number;
}

const { values: flags } = parseArgs({
  options: {
    targets: { type: "string", default: "40" },
    series: { type: "string", default: "2500" },
    seconds: { type: "string", default: "20" },
    warm: { type: "string", default: "15" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    bundle: { type: "boolean", default: false },
  },
});
const seconds = Number(flags.seconds);
const warmSeconds = Number(flags.warm);
/** Of what was served a program has taken in at least this much, or it didn't do the work. */
const leastTaken = 0.95;
/** Below this much of what was due it is said: a machine that has other work makes programs miss scrapes. */
const leastServed = 0.95;
await main();

async function main(): Promise<void> {
  const present = contestants(flags.bundle)
    .filter(({ name }) => name.includes(flags.only))
    .filter(isPresent);
  const port = await freePort();
  const addresses = Array.from(
    { length: Number(flags.targets) },
    (_, index) => `127.0.1.${index + 1}:${port}`,
  );
  // Enough that no counter goes back while a program scrapes.
  const pages = warmSeconds + seconds + 60;
  const settings = JSON.stringify({ port, series: Number(flags.series), pages });
  const server = startProgram(process.execPath, [
    join(repositoryRoot, "test/bench/scrape-target-program.ts"),
    settings,
  ]);
  const base = `http://127.0.0.1:${port}`;
  try {
    await untilAnswered(`${base}/count`, server);
    const costs = new Map<string, Cost[]>(present.map(({ name }) => [name, []]));
    for (let round = 0; round < Number(flags.rounds); round += 1)
      for (const contestant of present) {
        const cost = await measure(contestant, base, addresses);
        costs.get(contestant.name)?.push(cost);
        process.stdout.write(
          `${contestant.name}: ${Math.round(cost.samples).toLocaleString("en")} samples per CPU-second\n`,
        );
      }
    const about = (await ask(`${base}/count`)) satisfies Served;
    reportBench("ingest-scrape", { ...flags, ...about }, [...costRows(costs), ...ratioRows(costs)]);
  } finally {
    await server.stop();
  }
}

function isPresent({ name, missing }: Contestant): boolean {
  if (missing !== null) process.stdout.write(`SKIPPED ${name}: it isn't here; ${missing}\n`);
  return missing === null;
}

async function measure(
  contestant: Contestant,
  base: string,
  addresses: readonly string[],
): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-scrape-"));
  await ask(`${base}/again`);
  const { program, taken } = await contestant.start(folder, addresses);
  try {
    const pid = program.child.pid ?? 0;
    await wait(warmSeconds * 1000);
    const takenBefore = await taken();
    const before = { processor: treeMilliseconds(pid), ...(await ask(`${base}/count`)) };
    await wait(seconds * 1000);
    const after = { processor: treeMilliseconds(pid), ...(await ask(`${base}/count`)) };
    const { residentBytes } = memoryOf(pid);
    const samples = (after.served - before.served) * after.samples;
    const expected = addresses.length * seconds * after.samples;
    const own = (await taken()) - takenBefore;
    if (own < samples * leastTaken)
      throw new Error(`${contestant.name} took in ${own} samples of ${samples} that were served`);
    if (samples < expected * leastServed)
      process.stdout.write(
        `${contestant.name} came for ${Math.round((samples / expected) * 100)} % of what was due\n`,
      );
    return {
      samples: samples / ((after.processor - before.processor) / 1000),
      residentBytesPerSeries: residentBytes / (addresses.length * after.samples),
    };
  } finally {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ask(url: string): Promise<Served> {
  return (await (await fetch(url)).json()) as Served;
}

function costRows(costs: ReadonlyMap<string, readonly Cost[]>): BenchRow[] {
  return [...costs].flatMap(([name, rounds]) => [
    {
      what: name,
      unit: "samples per CPU-second",
      rounds: rounds.map(({ samples }) => samples),
    },
    {
      what: `${name}: memory`,
      unit: "resident bytes per series",
      rounds: rounds.map(({ residentBytesPerSeries }) => residentBytesPerSeries),
    },
  ]);
}

/** Round by round: what else the machine did then met both. */
function ratioRows(costs: ReadonlyMap<string, readonly Cost[]>): BenchRow[] {
  const ours = [...costs].filter(([name]) => name.startsWith("warpwatch"));
  const others = [...costs].filter(([name]) => !name.startsWith("warpwatch"));
  return ours.flatMap(([name, rounds]) =>
    others.map(([other, theirs]) => ({
      what: `${name}, to ${other}`,
      unit: "times the samples",
      rounds: rounds.map(({ samples }, round) => samples / (theirs[round]?.samples ?? Number.NaN)),
    })),
  );
}
