/** A page of samples for catalogue metrics that no machine of the tests has: their labels as the catalogue tells, and numbers that move. */
import { createServer } from "node:http";
import { onTestFinished } from "vitest";
import { eventKinds } from "../../core/wire/event.ts";
import { renderHeader, renderPrefix } from "../../core/wire/exposition-plan.ts";
import { fabricHealths, fabricProblems, fabricStates } from "../../core/catalog/gpu-details.ts";
import { kernelSeverities } from "../../core/catalog/kernel-log.ts";
import type { Metric } from "../../core/catalog/metric.ts";

/** A label that isn't here has one value. */
const valuesOf: Readonly<Record<string, readonly string[]>> = {
  gpu: ["0", "1"],
  link: ["0", "1"],
  device: ["device0", "device1"],
  direction: ["receive", "transmit"],
  period: ["volatile", "aggregate"],
  error_class: ["correctable", "nonfatal", "fatal"],
  severity: kernelSeverities,
};

/** What a label's values are in one metric, where its help names them. */
const valuesIn: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  warpwatch_gpu_ecc_errors_total: { kind: ["corrected", "uncorrected"] },
  warpwatch_gpu_nvlink_fec_blocks_total: { state: ["clean", "corrected_1", "corrected_2"] },
  warpwatch_gpu_fabric_state: { state: fabricStates },
  warpwatch_gpu_fabric_health: { state: fabricHealths },
  warpwatch_gpu_fabric_problem: { kind: fabricProblems },
  warpwatch_kernel_events_total: { kind: eventKinds },
  warpwatch_kernel_last_event_timestamp_seconds: { kind: eventKinds },
  warpwatch_service_state: { state: ["active", "inactive", "failed"] },
  warpwatch_bmc_power_supply_state: { state: ["present", "failed", "input_lost"] },
  warpwatch_bmc_sensors: { state: ["read", "silent", "left_out"] },
  warpwatch_bmc_temperature_celsius: { part: ["air_inlet_1", "processor_1"] },
  warpwatch_chrony_leap_status: { state: ["normal", "insert", "delete", "unsynchronised"] },
  warpwatch_stuck_processes: { state: ["uninterruptible", "zombie"] },
};

/** Where Prometheus can scrape it, until the test ends. */
export async function startMetricPage(metrics: readonly Metric[]): Promise<string> {
  const started = Date.now() / 1000;
  const server = createServer((_, response) => {
    const now = Date.now() / 1000;
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(metrics.map((metric) => renderFamily(metric, now, now - started)).join(""));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a network address");
  return `127.0.0.1:${address.port}`;
}

function renderFamily(metric: Metric, now: number, age: number): string {
  const lines = labelSets(metric).map(
    (values, index) => `${renderPrefix({ metric, values })}${numberOf(metric, now, age, index)}\n`,
  );
  return renderHeader(metric, "text", new Set()) + lines.join("");
}

/** Every combination of what the labels can be. */
function labelSets({ name, labels }: Metric): string[][] {
  let sets: string[][] = [[]];
  for (const label of labels) {
    const values = valuesIn[name]?.[label] ?? valuesOf[label] ?? [`some ${label}`];
    sets = sets.flatMap((set) => values.map((value) => [...set, value]));
  }
  return sets;
}

/** Each series moves in a way of its own, so that quotients and extremes move too; no gauge is below 1, since some are divided by. */
function numberOf({ name, kind }: Metric, now: number, age: number, index: number): number {
  const phase = (name.length * 7 + index) % 31;
  if (kind === "info") return 1;
  if (kind === "counter") return Math.floor((age + phase) ** 2);
  if (name.endsWith("_timestamp_seconds")) return Math.floor(now / 4) * 4 - 60 - index;
  return 2 + Math.sin(age / 3 + phase);
}
