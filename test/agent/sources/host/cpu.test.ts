import { expect, test } from "vitest";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const cpu = sourceNamed("cpu");

test("gives each processor's time in seconds, by mode, and guests' time apart", async () => {
  const samples = await (await drive(cpu, smallServer())).read();
  expect(samples.size).toBe(20);
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="user"}')).toBe(33.88);
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="nice"}')).toBe(0.12);
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="system"}')).toBe(22.07);
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="idle"}')).toBe(1528.54);
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="iowait"}')).toBe(0.64);
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="irq"}')).toBe(0);
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="softirq"}')).toBe(0.17);
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="steal"}')).toBe(9.76);
  expect(samples.get('node_cpu_guest_seconds_total{cpu="0",mode="user"}')).toBe(0.4);
  expect(samples.get('node_cpu_guest_seconds_total{cpu="0",mode="nice"}')).toBe(0.02);
  expect(samples.get('node_cpu_seconds_total{cpu="1",mode="user"}')).toBe(37.92);
});

test("says changed when a processor is taken out, and forgets its series", async () => {
  const driven = await drive(cpu, smallServer());
  await driven.read();
  driven.change({ "proc/stat": "cpu  1 1 1 1\ncpu1 3800 0 2679 150300 697 0 66 972 0 0\n" });
  const samples = await driven.read();
  expect(driven.changes).toBe(1);
  expect(samples.size).toBe(10);
  expect(samples.get('node_cpu_seconds_total{cpu="1",mode="idle"}')).toBe(1503);
});

test("holds a time that falls by a few ticks, and starts anew when the processor did", async () => {
  const stat = (idle: number, iowait: number): Record<string, string> => ({
    "proc/stat": `cpu  0 0 0 0\ncpu0 100 0 0 ${idle} ${iowait} 0 0 0 0 0\n`,
  });
  const iowaitOf = (samples: Map<string, number>): number | undefined =>
    samples.get('node_cpu_seconds_total{cpu="0",mode="iowait"}');
  const driven = await drive(cpu, stat(90_000, 500));
  expect(iowaitOf(await driven.read())).toBe(5);
  driven.change(stat(90_100, 480));
  expect(iowaitOf(await driven.read())).toBe(5);
  driven.change(stat(100, 7));
  expect(iowaitOf(await driven.read())).toBe(0.07);
});

test("keeps what is readable of a broken file", async () => {
  const samples = await (await drive(cpu, hostileHost())).read();
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="user"}')).toBe(1);
  expect(samples.has('node_cpu_seconds_total{cpu="0",mode="nice"}')).toBe(false);
  expect(samples.get('node_cpu_seconds_total{cpu="0",mode="system"}')).toBe(3);
  expect(samples.get('node_cpu_seconds_total{cpu="7",mode="nice"}')).toBe(0.2);
  expect(samples.has('node_cpu_seconds_total{cpu="7",mode="system"}')).toBe(false);
});

test("is absent where there is no /proc/stat", async () => {
  expect(await openOutcome(cpu, {})).toBe(
    "nothing is at /proc/stat: that isn't the host's /proc: mount it and say where with --path.procfs",
  );
});
