import { expect, test } from "vitest";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const softnet = sourceNamed("softnet");
const line = (...values: number[]): string =>
  `${values.map((value) => value.toString(16).padStart(8, "0")).join(" ")}\n`;

test("counts lines where the kernel doesn't say which processor it is", async () => {
  const samples = await (
    await drive(softnet, {
      "proc/net/softnet_stat": line(255, 1, 2, 0, 0, 0, 0, 0, 3) + line(16, 0, 0, 0, 0, 0, 0, 0, 0),
    })
  ).read();
  expect(samples.size).toBe(8);
  expect(samples.get('node_softnet_processed_total{cpu="0"}')).toBe(255);
  expect(samples.get('node_softnet_cpu_collision_total{cpu="0"}')).toBe(3);
  expect(samples.get('node_softnet_processed_total{cpu="1"}')).toBe(16);
});

test("follows a processor that is taken out", async () => {
  const of = (cpu: number): string => line(cpu + 100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, cpu);
  const driven = await drive(softnet, { "proc/net/softnet_stat": of(0) + of(1) + of(2) });
  expect((await driven.read()).get('node_softnet_backlog_len{cpu="2"}')).toBe(7);
  driven.change({ "proc/net/softnet_stat": of(0) + of(2) });
  const samples = await driven.read();
  expect(samples.get('node_softnet_processed_total{cpu="2"}')).toBe(102);
  expect(samples.has('node_softnet_processed_total{cpu="1"}')).toBe(false);
});

test("leaves out what is no hexadecimal number", async () => {
  const samples = await (
    await drive(softnet, { "proc/net/softnet_stat": "0000000g 00000001 1\n\n00000002" })
  ).read();
  expect(Object.fromEntries(samples)).toEqual({
    'node_softnet_dropped_total{cpu="0"}': 1,
    'node_softnet_times_squeezed_total{cpu="0"}': 1,
    'node_softnet_processed_total{cpu="2"}': 2,
  });
});
