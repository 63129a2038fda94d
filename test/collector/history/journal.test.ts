import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { decodeChain, loadBodies, loadChain } from "../../../collector/history/chain-reader.ts";
import { openSnapshot } from "../../../collector/history/database.ts";
import { isStalenessMarker, writeStalenessMarker } from "../../../collector/history/sample.ts";
import type { Frame } from "../../../core/wire/frame.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import {
  frameAt,
  journalSamples,
  levelSchema,
  metricValue,
  openHistory,
  originOf,
  startMilliseconds as start,
  type TestHistory,
} from "./kit.ts";

const schema = levelSchema(originOf("node-1"), [0, 1, 2]);

test("acknowledges a frame once its group is on disk, and not before", async () => {
  const clock = createFakeClock(start);
  const folder = makeFolder();
  const history = openHistory(folder, { clock });
  let acknowledged = false;
  void history.append(frameAt(schema, 1, start, [1, 2, 3])).then(() => (acknowledged = true));
  await clock.advance(99);
  expect([acknowledged, journalSamples(folder).length]).toEqual([false, 0]);
  await clock.advance(1);
  expect([acknowledged, journalSamples(folder).length]).toEqual([true, 3]);
  await history.close();
});

test("gives frames back bit for bit: presence, times, NaN, the staleness marker, completeness", async () => {
  const folder = makeFolder();
  const history = openHistory(folder);
  const odd = frameAt(schema, 3, start + 2000.25, [Number.NaN, -0, null], false);
  writeStalenessMarker(odd.values, 1);
  const sent = [
    frameAt(schema, 1, start, [1, null, 5e-324]),
    frameAt(schema, 2, start + 1000, [Infinity, -0, -1e300]),
    odd,
    // Late: it doesn't break the chain of the live ones.
    frameAt(schema, 0, start - 5000, [7, 8, 9]),
    frameAt(schema, 4, start + 3000, [1, 2, 3]),
  ];
  for (const frame of sent) void history.append(frame);
  await history.close();
  const chains = readChains(folder);
  expect(chains.map((frames) => frames.map(({ sequence }) => sequence))).toEqual([
    [1, 2, 3, 4],
    [0],
  ]);
  const bySequence = (frames: readonly Frame[]): Frame[] =>
    frames.toSorted((one, other) => one.sequence - other.sequence);
  expect(bySequence(chains.flat()).map(describe)).toEqual(bySequence(sent).map(describe));
  const marked = chains.flat().find(({ sequence }) => sequence === 3);
  expect(marked && isStalenessMarker(new Uint32Array(marked.values.buffer), 1)).toBe(true);
});

test("lets every chain be read on its own after at most 240 frames", async () => {
  const folder = makeFolder();
  const history = openHistory(folder);
  for (let sequence = 1; sequence <= 500; sequence += 1)
    void history.append(frameAt(schema, sequence, start + sequence * 1000, [sequence, 0, 0]));
  await history.close();
  const chains = readChains(folder);
  expect(chains.map((frames) => frames.length)).toEqual([240, 240, 20]);
  expect(chains[2]?.[0]?.values[0]).toBe(481);
});

test("keeps a frame once that its sender sends again because it saw no acknowledgement", async () => {
  const folder = makeFolder();
  const first = openHistory(folder);
  void first.append(frameAt(schema, 1, start, [1, 2, 3]));
  await first.close();
  const second = openHistory(folder);
  await second.append(frameAt(schema, 1, start, [1, 2, 3]));
  void second.append(frameAt(schema, 2, start + 1000, [1, 2, 3]));
  void second.append(frameAt(schema, 2, start + 1000, [1, 2, 3]));
  await second.close();
  expect(journalSamples(folder).map(({ milliseconds }) => milliseconds - start)).toEqual([
    0, 0, 0, 1000, 1000, 1000,
  ]);
});

test("drops its oldest chains, counted, when it is full", async () => {
  const folder = makeFolder();
  const history = openHistory(folder, { bounds: { journalBytes: 20_000 } });
  for (let sequence = 1; sequence <= 3000; sequence += 1)
    void history.append(
      frameAt(schema, sequence, start + sequence, [sequence * 1.1, sequence / 7, -sequence]),
    );
  await history.close();
  const samples = journalSamples(folder);
  const dropped = await metricValue(
    history.metrics,
    'warpwatch_history_frames_dropped_total{reason="journal_full"}',
  );
  expect(samples.at(-1)?.milliseconds).toBe(start + 3000);
  expect(dropped).toBeGreaterThan(0);
  expect(samples.length / 3 + dropped).toBe(3000);
});

test("refuses a file that is no journal, in one sentence", () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "journal.db"), "not a database ".repeat(100));
  expect(() => openHistory(folder)).toThrow(/journal\.db can't be used: file is not a database/);
});

test("says that a frame isn't stored when the disk is full, counts it, and goes on when there is room", async ({
  skip,
}) => {
  const folder =
    mountSmallDisk() ?? skip("a small file system can't be mounted here: it needs root");
  const history = openHistory(folder, {
    bounds: { commitMilliseconds: 1 },
    clock: createFakeClock(start),
  });
  const ballast = join(folder, "ballast");
  fill(ballast);
  const wide = levelSchema(
    originOf("node-1"),
    Array.from({ length: 5000 }, (_, gpu) => gpu),
  );
  const values = wide.series.map((_, slot) => slot * 1.001);
  await expect(appendNow(history, frameAt(wide, 1, start, values))).rejects.toMatchObject({
    code: "STATE_UNUSABLE",
  });
  const dropped = 'warpwatch_history_frames_dropped_total{reason="disk_full"}';
  expect(await metricValue(history.metrics, dropped)).toBe(1);
  rmSync(ballast);
  await appendNow(history, frameAt(wide, 2, start + 1000, values));
  expect(journalSamples(folder)).toHaveLength(5000);
  await history.close();
});

/** The group goes to disk with the next query. */
async function appendNow(history: TestHistory, frame: Frame): Promise<void> {
  const stored = history.append(frame);
  history.retain();
  await stored;
}

function mountSmallDisk(): string | null {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-disk-"));
  const unmount = (): void => {
    try {
      execFileSync("umount", [folder], { stdio: "ignore" });
    } catch {
      // It never was mounted.
    }
    rmSync(folder, { recursive: true, force: true });
  };
  onTestFinished(unmount);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "warpwatch", folder], {
      stdio: "ignore",
    });
    return folder;
  } catch {
    return null;
  }
}

function fill(file: string): void {
  try {
    for (;;) writeFileSync(file, Buffer.alloc(4096), { flag: "a" });
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: "ENOSPC" });
  }
}

function readChains(folder: string): Frame[][] {
  const sqlite = openSnapshot(folder);
  const chains = sqlite
    .prepare("SELECT id FROM chain ORDER BY id")
    .all()
    .map(({ id }) => {
      const stored = loadChain(sqlite, Number(id));
      if (!stored) throw new Error(`chain ${Number(id)} has no schema`);
      const frames: Frame[] = [];
      for (const frame of decodeChain(stored.schemaBody, loadBodies(sqlite, Number(id))))
        frames.push({
          ...frame,
          timestamps: frame.timestamps.slice(),
          values: frame.values.slice(),
          present: frame.present.slice(),
        });
      return frames;
    });
  sqlite.close();
  return chains;
}

/** The frame's bits; what an absent series has in the column means nothing. */
function describe({ sequence, timestamps, values, present, complete }: Frame): unknown {
  const words = new BigUint64Array(values.buffer, values.byteOffset, values.length);
  const bits = Array.from(words, (word, slot) => ((present[0] ?? 0) & (1 << slot) ? word : null));
  return { sequence, timestamps: [...timestamps], present: [...present], bits, complete };
}
