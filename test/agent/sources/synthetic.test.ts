import { describe, expect, it } from "vitest";
import { faultKinds, type FaultKind } from "../../../simulator/fault-kinds.ts";
import { createFleet, type Fleet } from "../../../simulator/fleet.ts";
import type { FleetOptions } from "../../../simulator/fleet-options.ts";
import { parseScenario } from "../../../simulator/script.ts";
import { createSyntheticSources } from "../../../agent/sources/synthetic.ts";
import { viewNode, type NodeView } from "../../kit/synthetic-node.ts";

const start = 1_700_000_000_000;
const second = 1000;
const minute = 60 * second;

function fleetWith(script: string, options: Partial<FleetOptions> = {}): Fleet {
  return createFleet({
    seed: 9,
    nodes: 1,
    model: "H100",
    startMilliseconds: start,
    scenario: parseScenario(script, "test"),
    ...options,
  });
}

const third = { gpu: "3" };

/** What a fault changes, as numbers read before it, while it lasts, and after. */
interface Observation {
  /** Entries of the fault beyond `at`, `node`, `kind` and `duration`. */
  readonly script: string;
  readonly durationMinutes?: number;
  /** How long after its end things are as before. */
  readonly recoveryMinutes?: number;
  read(view: NodeView): number | undefined;
  during(before: number, now: number | undefined): boolean;
  after(before: number, now: number | undefined, during: number | undefined): boolean;
}

const near = (before: number, now: number | undefined, share = 0.1): boolean =>
  now !== undefined && Math.abs(now - before) <= Math.abs(before) * share + 1e-9;
const returns = (before: number, now: number | undefined): boolean => near(before, now);
/** For counters: what came while it lasted stays, no more comes. */
const stops = (_: number, now: number | undefined, during: number | undefined): boolean =>
  now !== undefined && during !== undefined && now - during < 0.05 * during + 50;
const gone = (before: number, now: number | undefined): boolean => now === before;

type Steady = Exclude<FaultKind, "xid" | "row_remap_failure" | "driver_hang" | "node_vanish">;

const observations: Readonly<Record<Steady, Observation>> = {
  thermal_runaway: {
    script: "gpu: 3, severity: 0.6",
    durationMinutes: 15,
    recoveryMinutes: 10,
    read: (view) => view.value("DCGM_FI_DEV_MEMORY_TEMP", third),
    during: (before, now) => now! > before + 15,
    after: returns,
  },
  fan_failure: {
    script: "gpu: 3, severity: 1",
    recoveryMinutes: 10,
    read: (view) =>
      view.value("warpwatch_gpu_throttle_active", { ...third, reason: "sw_thermal_slowdown" }),
    during: (before, now) => before === 0 && now === 1,
    after: gone,
  },
  power_brake: {
    script: "gpu: 3",
    read: (view) => view.value("DCGM_FI_DEV_SM_CLOCK", third),
    during: (before, now) => now! < 0.55 * before,
    after: returns,
  },
  ecc_storm: {
    script: "gpu: 3, severity: 0.7",
    read: (view) => view.value("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", third),
    during: (before, now) => now! > before + 9000 * 120,
    after: stops,
  },
  ecc_drift: {
    script: "gpu: 3, severity: 1",
    durationMinutes: 2 * 24 * 60,
    recoveryMinutes: 60,
    read: (view) => view.value("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", third),
    during: (before, now) => now! > before + 10,
    after: (_, now, during) => now! >= during!,
  },
  row_remap_pending: {
    script: "gpu: 3",
    read: (view) => view.value("warpwatch_gpu_row_remap_pending", third),
    during: (before, now) => before === 0 && now === 1,
    after: gone,
  },
  gpu_off_bus: {
    script: "gpu: 3",
    read: (view) => view.value("DCGM_FI_DEV_GPU_TEMP", third) ?? -1,
    during: (_, now) => now === -1,
    after: (_, now) => now! > 20,
  },
  nvlink_flap: {
    script: "gpu: 3, severity: 0.5",
    read: (view) =>
      view.value("warpwatch_gpu_nvlink_errors_total", { ...third, link: "3", kind: "recovery" }),
    during: (before, now) => now! >= before + 10,
    after: stops,
  },
  pcie_downgrade: {
    script: "gpu: 3, severity: 0.2",
    read: (view) => view.value("warpwatch_gpu_pcie_link_width", third),
    during: (before, now) => before === 16 && now === 8,
    after: gone,
  },
  nic_loss: {
    script: "severity: 0.5",
    read: (view) => view.value("node_network_receive_errs_total", { device: "eth0" }),
    during: (before, now) => now! > before + 1000,
    after: stops,
  },
  straggler: {
    script: "gpu: 3, severity: 1",
    read: (view) => view.value("DCGM_FI_DEV_SM_CLOCK", third),
    during: (before, now) => now! < 0.83 * before && now! > 0.75 * before,
    after: returns,
  },
  memory_leak: {
    script: "severity: 0.9",
    recoveryMinutes: 10,
    read: (view) => view.value("node_memory_MemAvailable_bytes"),
    during: (before, now) => now! < 0.6 * before,
    after: returns,
  },
  idle_allocated: {
    script: "gpu: 3",
    read: (view) => view.value("DCGM_FI_DEV_GPU_UTIL", third),
    during: (before, now) => before > 0 && now === 0,
    after: (_, now) => now! > 0,
  },
  sensor_stuck: {
    script: "gpu: 3",
    read: (view) => view.value("DCGM_FI_DEV_GPU_TEMP", third),
    during: (before, now) => now === before,
    after: (_, now) => now! > 0,
  },
  filesystem_fill: {
    script: "severity: 1, mountpoint: /scratch",
    recoveryMinutes: 60,
    read: (view) => view.value("node_filesystem_avail_bytes", { mountpoint: "/scratch" }),
    during: (before, now) => now! < 0.45 * before,
    after: returns,
  },
};

describe("a fault in what a synthetic node emits", () => {
  it.each(Object.entries(observations))(
    "%s shows while it lasts and is gone after its end",
    async (kind, observation) => {
      const duration = (observation.durationMinutes ?? 5) * minute;
      const fleet = fleetWith(
        `workload: training\nfaults: [{ at: 3m, node: 0, kind: ${kind}, duration: ${duration / minute}m, ${observation.script} }]`,
      );
      const view = await viewNode(fleet, 0);
      await view.readAt(start + 3 * minute - second);
      const before = observation.read(view) ?? Number.NaN;
      expect(before, "a reading before the fault").not.toBeNaN();
      await view.readAt(start + 3 * minute + 0.75 * duration);
      const during = observation.read(view);
      expect(observation.during(before, during), `${before} → ${during}`).toBe(true);
      await view.readAt(start + 3 * minute + duration + 5 * second);
      const ended = observation.read(view);
      await view.readAt(
        start + 3 * minute + duration + (observation.recoveryMinutes ?? 3) * minute,
      );
      const after = observation.read(view);
      expect(observation.after(before, after, ended), `${before} → ${ended} → ${after}`).toBe(true);
      expect(fleet.labels()).toMatchObject([
        { kind, endMilliseconds: start + 3 * minute + duration },
      ]);
    },
  );

  it("covers every kind, here or below", () => {
    expect(
      [
        ...Object.keys(observations),
        "xid",
        "row_remap_failure",
        "driver_hang",
        "node_vanish",
      ].toSorted(),
    ).toEqual([...faultKinds].toSorted());
  });

  it("xid becomes an event, a counter and the last code, for that GPU only", async () => {
    const view = await viewNode(
      fleetWith("faults: [{ at: 10s, node: 0, gpu: 3, kind: xid, code: 31 }]"),
      0,
    );
    const count = (gpu: string): number | undefined =>
      view.value("warpwatch_gpu_xid_events_total", { gpu, action: "restart_app" });
    await view.readAt(start + 9 * second);
    expect([count("3"), view.value("DCGM_FI_DEV_XID_ERRORS", third)]).toEqual([0, 0]);
    await view.readAt(start + 11 * second);
    expect([count("3"), view.value("DCGM_FI_DEV_XID_ERRORS", third)]).toEqual([1, 31]);
    expect([count("2"), view.value("DCGM_FI_DEV_XID_ERRORS", { gpu: "2" })]).toEqual([0, 0]);
    expect(view.events).toHaveLength(1);
    expect(view.events[0]).toMatchObject({
      kind: "xid",
      timeMilliseconds: start + 10 * second,
      fields: { xid: "31" },
    });
    expect(view.events[0]?.text).toMatch(/^NVRM: Xid \(PCI:0000:61:00\): 31, /);
  });

  it("row_remap_failure stays", async () => {
    const view = await viewNode(
      fleetWith("faults: [{ at: 10s, node: 0, gpu: 3, kind: row_remap_failure }]"),
      0,
    );
    await view.readAt(start + 5 * second);
    expect(view.value("DCGM_FI_DEV_ROW_REMAP_FAILURE", third)).toBe(0);
    await view.readAt(start + 120 * minute);
    expect(view.value("DCGM_FI_DEV_ROW_REMAP_FAILURE", third)).toBe(1);
    expect(view.value("warpwatch_gpu_row_remap_banks", { ...third, state: "none" })).toBe(1);
    expect(view.events.map((event) => event.fields["xid"])).toEqual(["48", "63", "94", "64"]);
  });

  it("driver_hang: reads of the GPUs never come back until they are aborted, and then do again", async () => {
    const fleet = fleetWith(
      "faults: [{ at: 10s, node: 0, gpu: 3, kind: driver_hang, duration: 30s }]",
    );
    const view = await viewNode(fleet, 0);
    await view.readAt(start + 9 * second);
    await expect(view.readAt(start + 20 * second)).rejects.toThrow("hangs");
    expect(view.events.map((event) => event.fields["xid"])).toEqual(["119"]);
    await view.readAt(start + 41 * second);
    expect(view.value("DCGM_FI_DEV_GPU_TEMP", third)).toBeGreaterThan(20);
  });

  it("node_vanish: nothing of the node can be read, and then all of it again", async () => {
    const fleet = fleetWith("faults: [{ at: 10s, node: 0, kind: node_vanish, duration: 30s }]");
    const view = await viewNode(fleet, 0);
    await expect(view.readAt(start + 20 * second)).rejects.toThrow("doesn't answer");
    await view.readAt(start + 41 * second);
    expect(view.value("node_load1")).toBeGreaterThan(0);
  });

  it("gpu_off_bus reports XID 79, says lost, and leaves the other seven as they are", async () => {
    const view = await viewNode(
      fleetWith("faults: [{ at: 10s, node: 0, gpu: 3, kind: gpu_off_bus, duration: 1m }]"),
      0,
    );
    await view.readAt(start + 20 * second);
    expect(view.events.map((event) => event.fields["xid"])).toEqual(["79"]);
    expect(view.value("warpwatch_gpu_lost", third)).toBe(1);
    const seen = view.samples.filter(
      ({ series, value }) => series.metric.name === "DCGM_FI_DEV_GPU_TEMP" && !Number.isNaN(value),
    );
    expect(seen.map(({ series }) => series.values[0])).toEqual(["0", "1", "2", "4", "5", "6", "7"]);
    await view.readAt(start + 75 * second);
    expect(view.value("warpwatch_gpu_lost", third)).toBe(0);
    // It comes back with a driver that has just been loaded.
    expect(view.value("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", third)).toBeLessThan(10 * 700_000);
  });

  it("a dead rail moves no bytes and is reported as a link change", async () => {
    const fleet = fleetWith(
      "workload: training\nfaults: [{ at: 10s, node: 0, gpu: 3, kind: nic_loss, severity: 1, duration: 1m }]",
      { nodes: 2 },
    );
    const view = await viewNode(fleet, 0);
    const bytes = (device: string): number =>
      view.value("node_network_receive_bytes_total", { device })!;
    await view.readAt(start + 12 * second);
    const [dead, sound] = [bytes("rail3"), bytes("rail4")];
    await view.readAt(start + 60 * second);
    expect(bytes("rail3")).toBe(dead);
    expect(bytes("rail4")).toBeGreaterThan(sound);
    expect(view.events.map((event) => event.text)).toEqual(["rail3: link down"]);
  });

  it("a straggler keeps its job waiting: its peers compute less at the same utilization", async () => {
    const at = (faults: string): Fleet => {
      const fleet = fleetWith(`workload: training\n${faults}`);
      fleet.step(start + 5 * minute);
      return fleet;
    };
    const sound = at("").gpus;
    const slowed = at("faults: [{ at: 1m, node: 0, gpu: 3, kind: straggler, severity: 1 }]").gpus;
    expect(slowed.utilizationPercent[0]).toBe(sound.utilizationPercent[0]);
    expect(slowed.tensorRatio[0]).toBeLessThan(0.9 * sound.tensorRatio[0]!);
    expect(slowed.powerWatts[0]).toBeLessThan(0.93 * sound.powerWatts[0]!);
  });

  it("a leak that takes all memory ends in an out-of-memory kill", async () => {
    const view = await viewNode(
      fleetWith("faults: [{ at: 5s, node: 0, kind: memory_leak, severity: 1, duration: 2m }]"),
      0,
    );
    await view.readAt(start + 3 * minute);
    expect(view.value("node_vmstat_oom_kill")).toBe(1);
    expect(view.events.map((event) => event.kind)).toEqual(["out_of_memory_kill"]);
  });
});

describe("a synthetic node's sources", () => {
  it("emit only what they declare, each series once, every value present while all is well", async () => {
    const view = await viewNode(fleetWith(""), 0);
    await view.readAt(start + minute);
    const declared = new Set(
      view.sources.flatMap((source) =>
        source.metrics.map((metric) => ("name" in metric ? metric.name : metric.pattern)),
      ),
    );
    for (const { series, value } of view.samples) {
      const { name } = series.metric;
      const family = name.replace(/^(node_memory_|node_vmstat_).*/, "$1{key}");
      expect(declared.has(family), name).toBe(true);
      expect(Number.isFinite(value), name).toBe(true);
    }
    expect(view.samples.length).toBeGreaterThan(1000);
  });

  it("never let a counter fall in an hour of sound work", async () => {
    const view = await viewNode(fleetWith(""), 0);
    let previous: number[] = [];
    for (let time = 0; time <= 60; time += 1) {
      await view.readAt(start + time * minute);
      const now = view.samples.map(({ value }) => value);
      const fallen = view.samples.filter(
        ({ series }, index) =>
          series.metric.kind === "counter" && now[index]! < (previous[index] ?? 0),
      );
      expect(fallen.map(({ series }) => series.metric.name)).toEqual([]);
      previous = now;
    }
  });

  it("place every GPU, drive, NIC and filesystem on its node", async () => {
    const view = await viewNode(fleetWith("", { nodes: 5 }), 4);
    await view.readAt(start);
    const devices = new Map(
      view.samples.flatMap(({ series: { device } }) =>
        device ? [[`${device.kind}/${device.name}`, device] as const] : [],
      ),
    );
    expect(devices.size).toBe(8 + 2 + 2 + 9);
    expect(devices.get("gpu/gpu3")?.place).toEqual({
      cluster: "synthetic",
      region: "lab",
      rack: "rack-01",
      chassis: "synthetic-04",
      slot: "u1",
    });
    expect(new Set([...devices.values()].map((device) => device.node))).toEqual(
      new Set(["synthetic-04"]),
    );
  });

  it("leave utilization of a split GPU absent, as the driver does", async () => {
    const view = await viewNode(fleetWith("", { mig: true }), 0);
    await view.readAt(start + minute);
    expect(view.value("DCGM_FI_DEV_GPU_UTIL", third)).toBeUndefined();
    expect(view.value("warpwatch_gpu_mig_enabled", third)).toBe(1);
    expect(view.value("DCGM_FI_DEV_POWER_USAGE", third)).toBeGreaterThan(50);
  });

  it("say which node isn't there", () => {
    expect(() => createSyntheticSources({ fleet: fleetWith(""), node: 1 })).toThrow("no node 1");
  });
});
