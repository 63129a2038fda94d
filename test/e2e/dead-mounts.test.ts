/** The agent beside five mounts whose server never answers: everything else goes on, and it ends when it is told to. */
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  startBesideDeadMounts,
  whyNoDeadMounts,
  type BesideDeadMounts,
} from "../kit/dead-mounts.ts";
import { makeFolder } from "../kit/folder.ts";
import { freePort, untilAnswered } from "../kit/programs.ts";
import { repositoryRoot } from "../kit/sources.ts";

const reason = whyNoDeadMounts();
if (reason !== null)
  process.stderr.write(`\nNO DEAD MOUNTS: ${reason}; run as root with /dev/fuse\n`);

interface Page {
  readonly milliseconds: number;
  /** By series as it stands on the page. */
  readonly samples: ReadonlyMap<string, number>;
}

async function scrape(address: string): Promise<Page> {
  const started = performance.now();
  const text = await (await fetch(`${address}/metrics`)).text();
  const milliseconds = performance.now() - started;
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const samples = lines.map((line): [string, number] => {
    const end = line.lastIndexOf(" ");
    return [line.slice(0, end), Number(line.slice(end + 1))];
  });
  return { milliseconds, samples: new Map(samples) };
}

function ofMount({ samples }: Page, metric: string, point: string): number {
  const found = [...samples].find(
    ([series]) =>
      series.startsWith(`node_filesystem_${metric}{`) &&
      series.includes(`mountpoint=${JSON.stringify(point)}`),
  );
  return found?.[1] ?? Number.NaN;
}

/** An agent that runs beside the mounts, and where it serves its page. */
async function startAgent(folder: string): Promise<{ program: BesideDeadMounts; address: string }> {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const program = startBesideDeadMounts(folder, [
    process.execPath,
    join(repositoryRoot, "bin/warpwatch.js"),
    "agent",
    `--web.listen-address=127.0.0.1:${port}`,
    `--state.folder=${folder}/state`,
  ]);
  onTestFinished(() => void program.stop());
  await untilAnswered(`${address}/-/ready`, program);
  return { program, address };
}

/** How long the agent's loop leaves its least route waiting, asked all the time until it is stopped. */
function watchDelays(address: string): { stop(): Promise<number[]> } {
  const milliseconds: number[] = [];
  const controller = new AbortController();
  async function watch(): Promise<void> {
    while (!controller.signal.aborted) {
      const started = performance.now();
      await (await fetch(`${address}/-/healthy`)).arrayBuffer();
      milliseconds.push(performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const watching = watch();
  watching.catch(() => undefined);
  return {
    async stop() {
      controller.abort();
      await watching;
      return milliseconds;
    },
  };
}

test.skipIf(reason !== null)(
  "five dead mounts at once leave everything else undisturbed",
  async () => {
    const folder = makeFolder();
    const { program, address } = await startAgent(folder);

    const dead = [0, 1, 2, 3, 4].map((index) => join(folder, `dead${index}`));
    const alive = join(folder, "alive");
    const pages: Page[] = [];
    const delays = watchDelays(address);
    for (let second = 0; second < 12; second += 1) {
      pages.push(await scrape(address));
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    const last = pages.at(-1)!;
    expect(dead.map((point) => ofMount(last, "device_error", point))).toEqual([1, 1, 1, 1, 1]);
    expect(dead.map((point) => ofMount(last, "size_bytes", point))).toEqual(
      dead.map(() => Number.NaN),
    );
    expect(ofMount(last, "device_error", alive)).toBe(0);
    expect(ofMount(last, "size_bytes", alive)).toBe(1000 * 4096);
    expect(ofMount(last, "avail_bytes", alive)).toBe(250 * 4096);
    for (const point of dead)
      expect(
        last.samples.get(`warpwatch_probe_in_flight_seconds{probe="slow-kernel",key="${point}"}`),
      ).toBeGreaterThan(5);

    // Nothing else is missing or stands still, and no page is late.
    const steady = [...pages[0]!.samples.keys()].filter((name) =>
      /^(node_|warpwatch_source_up)/.test(name),
    );
    for (const page of pages) expect(steady.filter((name) => !page.samples.has(name))).toEqual([]);
    const times = pages.map(({ samples }) => samples.get("node_time_seconds") ?? 0);
    for (const [index, time] of times.slice(1).entries())
      expect(time).toBeGreaterThan(times[index] ?? 0);
    const delay = Math.max(...(await delays.stop()));
    const slowest = Math.max(...pages.map(({ milliseconds }) => milliseconds));
    process.stderr.write(
      `\nbeside dead mounts: page ${slowest.toFixed(0)} ms at most, the least route ${delay.toFixed(0)} ms at most\n`,
    );
    expect(delay).toBeLessThan(500);
    expect(slowest).toBeLessThan(1000);

    const ended = await program.end();
    process.stderr.write(`${ended}\n`);
    expect(ended).toMatch(/^ENDED 0 after [0-4]\.\d+ s with 5 calls held$/);
  },
  60_000,
);

test.skipIf(reason !== null)(
  "a mount whose server comes back is told of again",
  async () => {
    const folder = makeFolder();
    const { program, address } = await startAgent(folder);
    const point = join(folder, "dead3");
    await expect
      .poll(async () => ofMount(await scrape(address), "device_error", point), {
        timeout: 10_000,
        interval: 500,
      })
      .toBe(1);
    program.revive();
    await expect
      .poll(async () => ofMount(await scrape(address), "device_error", point), {
        timeout: 10_000,
        interval: 500,
      })
      .toBe(0);
    expect(ofMount(await scrape(address), "size_bytes", point)).toBe(1000 * 4096);
  },
  60_000,
);
