import { expect, test } from "vitest";
import { createIngest, defaultIngestLimits } from "../../../collector/ingest/door.ts";
import { createHistoryListener } from "../../../collector/history/listener.ts";
import { writeStalenessMarker } from "../../../collector/history/sample.ts";
import { createFrameDecoder, createFrameEncoder } from "../../../core/wire/frame-codec.ts";
import { createLog } from "../../../core/kit/log.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import {
  frameAt,
  journalSamples,
  levelSchema,
  openHistory,
  originOf,
  startMilliseconds as start,
} from "./kit.ts";

function createBench() {
  const folder = makeFolder();
  const clock = createFakeClock(start);
  const history = openHistory(folder, { clock });
  const log = createLog({ clock, write: () => undefined });
  const ingest = createIngest({
    clock,
    log,
    metrics: history.metrics,
    limits: defaultIngestLimits,
  });
  ingest.listen(createHistoryListener(history));
  const samples = async (): Promise<string[]> => {
    await history.close();
    return journalSamples(folder).map(({ labels, milliseconds, value }) => {
      const { gpu } = JSON.parse(labels) as { gpu: string };
      return `${(milliseconds - start) / 1000}s gpu ${gpu}: ${value ?? "ended"}`;
    });
  };
  return { ingest, samples };
}

const schema = levelSchema(originOf("node-1"), [0, 1, 2]);

test("stores what the door let in of whole frames, and the end of what they lack", async () => {
  const { ingest, samples } = createBench();
  ingest.accept(frameAt(schema, 1, start, [1, 2, null]));
  ingest.accept(frameAt(schema, 2, start + 1000, [3, null, 4]));
  // Refused at the door: it was here before.
  ingest.accept(frameAt(schema, 2, start + 1000, [9, 9, 9]));
  expect(await samples()).toEqual([
    "0s gpu 0: 1",
    "0s gpu 1: 2",
    "1s gpu 0: 3",
    "1s gpu 1: ended",
    "1s gpu 2: 4",
  ]);
});

test("stores what changes at each frame of a sender that says so, when samples come, go and come back", async () => {
  const { ingest, samples } = createBench();
  const encoder = createFrameEncoder();
  const decoder = createFrameDecoder();
  const rows = [
    [1, 2, 3],
    [1, null, 4],
    [1, 2, 4],
    [5, 2, null],
    [5, 6, 4],
  ];
  for (const [index, row] of rows.entries()) {
    const frame = frameAt(schema, index + 1, start + index * 1000, row);
    decoder.decode(encoder.encode(frame), (decoded) => ingest.accept(decoded));
  }
  expect(await samples()).toEqual([
    "0s gpu 0: 1",
    "0s gpu 1: 2",
    "0s gpu 2: 3",
    "1s gpu 0: 1",
    "1s gpu 1: ended",
    "1s gpu 2: 4",
    "2s gpu 0: 1",
    "2s gpu 1: 2",
    "2s gpu 2: 4",
    "3s gpu 0: 5",
    "3s gpu 1: 2",
    "3s gpu 2: ended",
    "4s gpu 0: 5",
    "4s gpu 1: 6",
    "4s gpu 2: 4",
  ]);
});

test("stores of partial frames each sample once, and ends only what a marker ended", async () => {
  const { ingest, samples } = createBench();
  ingest.accept(frameAt(schema, 1, start, [1, 2, null], false));
  ingest.accept(frameAt(schema, 2, start + 1000, [3, null, null], false));
  const marked = frameAt(schema, 3, start + 2000, [null, 0, 5], false);
  writeStalenessMarker(marked.values, 1);
  ingest.accept(marked);
  expect(await samples()).toEqual([
    "0s gpu 0: 1",
    "0s gpu 1: 2",
    "1s gpu 0: 3",
    "2s gpu 1: ended",
    "2s gpu 2: 5",
  ]);
});
