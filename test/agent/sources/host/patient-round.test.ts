import { expect, test } from "vitest";
import {
  createPatientRounds,
  type PatientEntry,
} from "../../../../agent/sources/host/patient-round.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";

const { signal } = new AbortController();

interface Puppet extends PatientEntry {
  now: number;
  apart: number;
  release: () => void;
}

/** Answers at once; apart, only when it is released. */
function puppet(onRead: () => void = () => {}): Puppet {
  const made: Puppet = {
    pace: "new",
    value: Number.NaN,
    now: 0,
    apart: 0,
    release: () => {},
    readNow() {
      made.now += 1;
      onRead();
      return 7;
    },
    readApart() {
      made.apart += 1;
      return new Promise((resolve) => {
        made.release = () => resolve(8);
      });
    },
  };
  return made;
}

test("reads each apart at first, a quick one in place from then on, and one that was slow apart for good", async () => {
  let milliseconds = 0;
  const clock = { ...createFakeClock(), monotonic: () => milliseconds };
  const rounds = createPatientRounds(clock);
  const entry = puppet(() => {
    milliseconds += 50;
  });
  const roundApart = async (times: number): Promise<void> => {
    const round = rounds.run([entry], signal);
    await until(() => entry.apart === times);
    entry.release();
    await round;
  };
  await roundApart(1);
  expect([entry.value, entry.pace]).toEqual([8, "quick"]);
  await rounds.run([entry], signal);
  expect([entry.value, entry.pace, entry.now]).toEqual([7, "slow", 1]);
  await roundApart(2);
  expect([entry.value, entry.pace, entry.now]).toEqual([8, "slow", 1]);
});

test("gives a read up that doesn't come back, keeps the others and begins no second one", async () => {
  const clock = createFakeClock();
  const rounds = createPatientRounds(clock);
  const stuck = puppet();
  const waiting = puppet();
  const quick = puppet();
  quick.pace = "quick";
  const first = rounds.run([stuck, waiting, quick], signal);
  await giveUp(clock, () => stuck.apart === 1);
  await first;
  expect([stuck.value, waiting.value, quick.value]).toEqual([Number.NaN, Number.NaN, 7]);
  await rounds.run([stuck, waiting, quick], signal);
  expect([stuck.apart, waiting.apart, rounds.outstanding]).toEqual([1, 0, 1]);
  stuck.release();
  await until(() => rounds.outstanding === 0);
  const third = rounds.run([stuck, waiting, quick], signal);
  await until(() => waiting.apart === 1);
  waiting.release();
  await until(() => stuck.apart === 2);
  stuck.release();
  await third;
  expect([stuck.value, waiting.value]).toEqual([8, 8]);
});

async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100 && !done(); tries += 1)
    await new Promise((resolve) => setImmediate(resolve));
  expect(done()).toBe(true);
}

async function giveUp(clock: FakeClock, begun: () => boolean): Promise<void> {
  await until(begun);
  await clock.advance(1000);
}
