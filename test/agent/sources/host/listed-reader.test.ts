import { join } from "node:path";
import { renameSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { openListedReader } from "../../../../agent/sources/host/listed-reader.ts";
import type { Source } from "../../../../agent/sources/source.ts";
import { openMetric } from "../../../../core/catalog/metric.ts";
import type { HostTree } from "../../../hosts/tree.ts";
import { drive, openOutcome } from "./drive.ts";

const reading = { ...openMetric("reading", "gauge", "A test's own."), labels: ["device"] } as const;
const flips = { ...reading, name: "flips" };
const setting = { ...reading, name: "setting" };

/** Folders under sys/things, each with a moving, a leading and a settled number, and a name that is watched. */
const things: Source = {
  name: "things",
  metrics: [reading, flips, setting],
  sampling: "fast",
  open: ({ env }) =>
    openListedReader({
      clock: env.clock,
      absent: "no things",
      list(listing) {
        const folder = join(env.paths.sysfs, "things");
        for (const name of listing.folder(folder)) {
          const file = (own: string): string => join(folder, name, own);
          const device = listing.text(file("alias"), "watched") || name;
          listing.value(file("reading"), reading, { device }, { divisor: 10 });
          listing.value(file("flips"), flips, { device }, { leading: true });
          listing.value(file("setting"), setting, { device }, { settled: true });
        }
      },
    }),
};

const one = (values: Readonly<Record<string, string>>, name = "a1"): HostTree =>
  Object.fromEntries(
    Object.entries(values).map(([file, text]) => [`sys/things/${name}/${file}`, text]),
  );

test("reads numbers of every form, and leaves out what is none", async () => {
  const driven = await drive(things, {
    ...one({ reading: "-15\n", flips: "0x1f\n", setting: "18446744073709551615\n" }),
    ...one({ reading: "N/A\n", flips: "\n", setting: "12 13\n" }, "a2"),
    ...one({ reading: "1.5", flips: "7", setting: "0" }, "a10"),
  });
  expect(Object.fromEntries(await driven.read())).toEqual({
    'reading{device="a1"}': -1.5,
    'flips{device="a1"}': 31,
    'setting{device="a1"}': 2 ** 64,
    'reading{device="a10"}': 0.15,
    'flips{device="a10"}': 7,
    'setting{device="a10"}': 0,
  });
  expect(driven.series.map(({ values }) => values[0]).at(-1)).toBe("a10");
});

test("reads a settled number again when a leading one moved, and with the next listing", async () => {
  const driven = await drive(things, one({ flips: "1", setting: "10" }));
  const settingNow = async (): Promise<number | undefined> =>
    (await driven.read()).get('setting{device="a1"}');
  expect(await settingNow()).toBe(10);
  driven.change(one({ setting: "20" }));
  expect(await settingNow()).toBe(10);
  driven.change(one({ flips: "2" }));
  expect(await settingNow()).toBe(20);
  driven.change(one({ setting: "30" }));
  await driven.clock.advance(10_000);
  expect(await settingNow()).toBe(30);
  expect(driven.changes).toBe(0);
});

test("lists anew when a watched text differs, and after a while when a folder came or went", async () => {
  const driven = await drive(things, one({ reading: "10" }));
  await driven.read();
  driven.change(one({ alias: "renamed" }));
  expect([...(await driven.read()).keys()]).toEqual(['reading{device="renamed"}']);
  driven.change(one({ reading: "20" }, "a2"));
  expect((await driven.read()).size).toBe(1);
  await driven.clock.advance(10_000);
  expect((await driven.read()).get('reading{device="a2"}')).toBe(2);
  expect(driven.changes).toBe(2);
});

test("leaves out a file that vanished and takes it up again when it is back", async () => {
  const driven = await drive(things, {
    ...one({ reading: "10" }),
    ...one({ reading: "20" }, "a2"),
  });
  await driven.read();
  const path = join(driven.root, "sys/things/a1/reading");
  driven.change(one({ reading: "" }));
  expect([...(await driven.read()).keys()]).toEqual(['reading{device="a2"}']);
  renameSync(path, `${path}.old`);
  driven.change(one({ reading: "30" }));
  await driven.read();
  expect(driven.changes).toBe(0);
});

test("fails a round once everything is gone, and is absent where there never was anything", async () => {
  const driven = await drive(things, one({ reading: "10" }));
  await driven.read();
  rmSync(join(driven.root, "sys/things"), { recursive: true });
  await driven.clock.advance(10_000);
  await expect(driven.read()).rejects.toThrow("what was there is gone: no things");
  expect(await openOutcome(things, {})).toBe("no things");
});

test("one reading tells several things, and what is derived of them comes after them", async () => {
  const named = (name: string) => ({ ...reading, name });
  const line = (key: string) => (text: string) =>
    Number(new RegExp(`^${key}: (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  const labels = { device: "x" };
  const counts: Source = {
    ...things,
    open: ({ env }) =>
      openListedReader({
        clock: env.clock,
        absent: "no counts",
        fromHardware: true,
        list(listing) {
          const folder = join(env.paths.sysfs, "things");
          let latest = (): readonly number[] => [];
          const sum = (): number => latest().reduce((all, each) => all + each, 0);
          listing.derived(named("sum"), labels, sum);
          const second = named("second");
          latest =
            listing.value(join(folder, "counts"), named("first"), labels, {
              parse: line("a"),
              also: [{ declare: (slots) => slots.slot(second, labels), parse: line("b") }],
            }) ?? latest;
          const size = named("size");
          const word = (bytes: Buffer): number => bytes.readUInt16LE(0);
          listing.bytes(join(folder, "block"), named("word"), labels, word, {
            also: [
              { declare: (slots) => slots.slot(size, labels), parse: (bytes) => bytes.length },
            ],
          });
        },
      }),
  };
  const driven = await drive(counts, {
    "sys/things/counts": "a: 3\nb: 4\n",
    "sys/things/block": Buffer.from([0xff, 0x01, 0x0a]),
  });
  expect(Object.fromEntries(await driven.read())).toEqual({
    'sum{device="x"}': 7,
    'first{device="x"}': 3,
    'second{device="x"}': 4,
    'word{device="x"}': 511,
    'size{device="x"}': 3,
  });
  driven.change({ "sys/things/counts": "b: 5\n" });
  expect([...(await driven.read()).keys()]).toEqual(['word{device="x"}', 'size{device="x"}']);
});
