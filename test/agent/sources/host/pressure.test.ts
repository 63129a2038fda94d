import { expect, test } from "vitest";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const pressure = sourceNamed("pressure");

test("gives the totals in seconds", async () => {
  const samples = await (await drive(pressure, smallServer())).read();
  expect(Object.fromEntries(samples)).toEqual({
    node_pressure_cpu_waiting_seconds_total: 15.042211,
    node_pressure_io_waiting_seconds_total: 6.542857,
    node_pressure_io_stalled_seconds_total: 6.116584,
    node_pressure_memory_waiting_seconds_total: 1,
    node_pressure_memory_stalled_seconds_total: 0.25,
  });
});

test("gives the interrupts' pressure where the kernel has it", async () => {
  const tree = { ...smallServer(), "proc/pressure/irq": "full avg10=0.00 total=4000000\n" };
  const samples = await (await drive(pressure, tree)).read();
  expect(samples.get("node_pressure_irq_stalled_seconds_total")).toBe(4);
});

test("keeps the one total that is a number", async () => {
  const samples = await (await drive(pressure, hostileHost())).read();
  expect(Object.fromEntries(samples)).toEqual({ node_pressure_memory_waiting_seconds_total: 2 });
});

test("is absent, and names the kernel option, where the kernel has none", async () => {
  expect(await openOutcome(pressure, { "proc/stat": "" })).toBe(
    "nothing is at /proc/pressure: the kernel is older than 4.20 or lacks CONFIG_PSI",
  );
});
