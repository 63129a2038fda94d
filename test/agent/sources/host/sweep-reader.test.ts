import { expect, test } from "vitest";
import { driveSpare } from "../../../../core/catalog/drive-health.ts";
import { nowhere, type Device } from "../../../../core/catalog/device.ts";
import { createLog } from "../../../../core/kit/log.ts";
import {
  openSweepReader,
  sample,
  type SweptDevice,
  type SweptSample,
} from "../../../../agent/sources/host/sweep-reader.ts";
import type { Reader } from "../../../../agent/sources/source.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";
import { readRound } from "./context.ts";

const period = 60_000;
const part: Device = { kind: "drive", id: "a", node: "n", name: "a", model: "", place: nowhere };
const one = 'warpwatch_drive_spare_ratio{device="a"}';

test("shows what it has beside a device that takes longer than a moment, and the rest later", async () => {
  const late = Promise.withResolvers<readonly SweptSample[]>();
  const { reader, clock } = await open([
    { name: "a", part, ask: () => Promise.resolve([sample(driveSpare, { device: "a" }, 1)]) },
    { name: "b", part, ask: () => late.promise },
  ]);
  expect([...(await readRound(reader)).keys()]).toEqual([one]);
  late.resolve([sample(driveSpare, { device: "b" }, 0.5)]);
  await clock.advance(0);
  expect((await readRound(reader)).size).toBe(2);
});

test("shows no answer for longer than three periods", async () => {
  const { reader, clock } = await open([
    { name: "a", part, ask: () => Promise.resolve([sample(driveSpare, { device: "a" }, 1)]) },
    { name: "b", part, ask: () => new Promise(() => {}) },
  ]);
  await clock.advance(3 * period - 1000);
  expect((await readRound(reader)).get(one)).toBe(1);
  await clock.advance(1001);
  expect(await readRound(reader)).toEqual(new Map());
});

test("forgets a device that isn't listed any more, and is down while the list fails", async () => {
  let list = (): SweptDevice[] => [
    { name: "a", part, ask: () => Promise.resolve([sample(driveSpare, { device: "a" }, 1)]) },
  ];
  const { reader, clock } = await open(() => list());
  expect((await readRound(reader)).get(one)).toBe(1);
  list = () => {
    throw new Error("the list is gone");
  };
  await clock.advance(period);
  await expect(readRound(reader)).rejects.toThrow("the list is gone");
  list = () => [];
  await clock.advance(period);
  expect(await readRound(reader)).toEqual(new Map());
});

async function open(
  devices: readonly SweptDevice[] | (() => readonly SweptDevice[]),
): Promise<{ readonly reader: Reader; readonly clock: FakeClock }> {
  const clock = createFakeClock();
  const opening = openSweepReader(
    {
      clock,
      log: createLog({ clock, write: () => {} }),
      periodMilliseconds: period,
      list: typeof devices === "function" ? devices : () => devices,
    },
    new AbortController().signal,
  );
  await clock.advance(1000);
  const reader = await opening;
  if ("absent" in reader) throw new Error(reader.absent);
  return { reader, clock };
}
