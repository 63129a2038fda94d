/** What the collector promises of crashes, power, disks and bits, tried in earnest: one lane each. Prints a report as JSON. */
import { parseArgs } from "node:util";

interface Report {
  readonly faults: readonly string[];
}

interface Settings {
  readonly count: number;
  readonly seed: number;
  readonly minutes: number;
  readonly binary: boolean;
  readonly skipSync: readonly string[];
}

const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);

/** Each with how many it does by default. */
const lanes: Readonly<Record<string, readonly [number, (settings: Settings) => Promise<Report>]>> =
  {
    alerts: [
      200,
      async ({ count, seed, binary }) =>
        (await import("./torture-alerts.ts")).runTorture({ kills: count, seed, binary }),
    ],
    history: [
      1000,
      async ({ count, ...rest }) =>
        (await import("./torture-history.ts")).runHistoryTorture({
          kills: count,
          ...rest,
          onProgress,
        }),
    ],
    "power-loss": [
      500,
      async ({ count, ...rest }) =>
        (await import("./torture-power-loss.ts")).runPowerLoss({
          images: count,
          ...rest,
          onProgress,
        }),
    ],
    "disk-full": [
      10,
      async ({ count, seed }) =>
        (await import("./torture-disk-full.ts")).runDiskFull({ seed, minutes: count }),
    ],
    "bit-flips": [
      1000,
      async ({ count, ...rest }) =>
        (await import("./torture-bit-flips.ts")).runBitFlips({ flips: count, ...rest }),
    ],
  };

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: "string" },
      kills: { type: "string" },
      seed: { type: "string", default: "1" },
      minutes: { type: "string", default: "600" },
      binary: { type: "boolean", default: false },
      "skip-sync": { type: "string", multiple: true, default: [] },
    },
  });
  const lane = lanes[positionals[0] ?? ""];
  if (!lane) {
    const names = Object.keys(lanes).join("|");
    process.stderr.write(`usage: npm run torture -- ${names} [--count N] [--seed S]\n`);
    process.exit(2);
  }
  const [usual, run] = lane;
  const report = await run({
    count: Number(values.count ?? values.kills ?? usual),
    seed: Number(values.seed),
    minutes: Number(values.minutes),
    binary: values.binary,
    skipSync: values["skip-sync"],
  });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = report.faults.length === 0 ? 0 : 1;
}
