import { describe, expect, test } from "vitest";
import { nowhere } from "../../../../core/catalog/device.ts";
import { lastXid, xidEvents, xidLastEvent } from "../../../../core/catalog/gpu-errors.ts";
import { xidActions } from "../../../../core/catalog/xid.ts";
import { labelsOf } from "../../../../core/wire/frame.ts";
import { createSeriesList } from "../../../../core/wire/slots.ts";
import {
  createXidMetrics,
  xidEvent,
  type XidMetrics,
} from "../../../../agent/sources/gpu/xid-metrics.ts";

const gpu = {
  node: "node-a",
  index: 3,
  uuid: "GPU-3",
  pciBusId: "00000000:3B:00.0",
  model: "NVIDIA H100",
  driverVersion: "590.48.01",
};

function sample(metrics: XidMetrics) {
  const list = createSeriesList(1000);
  metrics.register(list, [gpu], nowhere);
  const column = new Float64Array(list.series.length).fill(Number.NaN);
  metrics.write(column);
  return list.series.map((series, index) => ({
    name: series.metric.name,
    labels: labelsOf(series),
    value: column[index],
    device: series.device?.id,
  }));
}

describe("xid metrics", () => {
  test("start every counter at zero, and the last code at 0 with no error", () => {
    const samples = sample(createXidMetrics());
    const counters = samples.filter((each) => each.name === xidEvents.name);
    expect(counters.map((each) => each.labels["action"])).toEqual([...xidActions]);
    expect(counters.every((each) => each.value === 0 && each.device === "GPU-3")).toBe(true);
    const last = samples.find((each) => each.name === lastXid.name);
    expect(last).toMatchObject({ value: 0, labels: { err_code: "0", err_msg: "No Error" } });
    expect(samples.filter((each) => each.name === xidLastEvent.name)).toEqual([]);
  });

  test("count an XID under its action and keep the time of its last", () => {
    const metrics = createXidMetrics();
    expect(metrics.note("GPU-3", 79, 1_000_500)).toBe(true);
    expect(metrics.note("GPU-3", 79, 1_001_500)).toBe(false);
    const samples = sample(metrics);
    expect(
      samples.filter((each) => each.name === xidEvents.name && each.value !== 0),
    ).toMatchObject([{ value: 2, labels: { gpu: "3", UUID: "GPU-3", action: "reboot" } }]);
    expect(samples.filter((each) => each.name === xidLastEvent.name)).toMatchObject([
      { value: 1001.5, labels: { xid: "79", action: "reboot" } },
    ]);
    expect(samples.find((each) => each.name === lastXid.name)).toMatchObject({
      value: 79,
      labels: { err_code: "79", err_msg: "GPU has fallen off the bus" },
    });
  });

  test("don't let an older XID that comes late replace the last one", () => {
    const metrics = createXidMetrics();
    metrics.note("GPU-3", 48, 2_000_000);
    metrics.note("GPU-3", 13, 1_000_000);
    const last = sample(metrics).find((each) => each.name === lastXid.name);
    expect(last?.value).toBe(48);
  });

  test("count what comes after registration without registering again", () => {
    const metrics = createXidMetrics();
    metrics.note("GPU-3", 31, 1000);
    const list = createSeriesList(1000);
    metrics.register(list, [gpu], nowhere);
    expect(metrics.note("GPU-3", 31, 2000)).toBe(false);
    const column = new Float64Array(list.series.length).fill(Number.NaN);
    metrics.write(column);
    const slot = list.series.findIndex(
      (series) => series.metric === xidEvents && series.values.includes("restart_app"),
    );
    expect(column[slot]).toBe(2);
  });

  test("bound the codes of one GPU and count what was left out", () => {
    const metrics = createXidMetrics();
    for (let code = 1000; code < 1100; code += 1) metrics.note("GPU-3", code, code);
    const samples = sample(metrics);
    expect(samples.filter((each) => each.name === xidLastEvent.name)).toHaveLength(32);
    expect(
      samples.find((each) => each.name === xidEvents.name && each.labels["action"] === "unknown")
        ?.value,
    ).toBe(100);
    expect(metrics.dropped).toBe(68);
  });

  test("say in the event what the code means", () => {
    expect(xidEvent("GPU-3", 119, 5, "")).toEqual({
      timeMilliseconds: 5,
      kind: "xid",
      device: "GPU-3",
      text: "XID 119: The GPU's system processor (GSP) did not answer the driver in time",
      fields: {
        xid: "119",
        mnemonic: "GSP_RPC_TIMEOUT",
        description: "The GPU's system processor (GSP) did not answer the driver in time",
        action: "reset_gpu",
        fatal: "true",
      },
    });
  });
});
