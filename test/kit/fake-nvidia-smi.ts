/** Puts the stand-in for nvidia-smi on a PATH of its own. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { makeFolder } from "./folder.ts";
import type { NvidiaSmiState } from "./nvidia-smi-program.ts";

export interface FakeNvidiaSmi {
  readonly path: string;
  /** Changes what it does from its next round on. */
  set(change: Partial<NvidiaSmiState>): void;
  /** One entry per process that was started to query GPUs. */
  readonly queries: readonly { readonly pid: number; readonly flags: readonly string[] }[];
}

export function createFakeNvidiaSmi(initial: Partial<NvidiaSmiState> = {}): FakeNvidiaSmi {
  const folder = makeFolder();
  const statePath = join(folder, "state.json");
  const startsPath = join(folder, "starts");
  const program = join(import.meta.dirname, "nvidia-smi-program.ts");
  let state: NvidiaSmiState = { gpus: [fakeGpu(0)], fields: allFields, mood: "well" };
  const set = (change: Partial<NvidiaSmiState>): void => {
    state = { ...state, ...change };
    writeFileSync(`${statePath}.new`, JSON.stringify(state));
    renameSync(`${statePath}.new`, statePath);
  };
  set(initial);
  writeFileSync(
    join(folder, "nvidia-smi"),
    `#!/bin/sh\nexec '${process.execPath}' '${program}' '${statePath}' '${startsPath}' "$@"\n`,
    { mode: 0o755 },
  );
  onTestFinished(() => set({ mood: "well", end: { code: 0, output: "", errors: "" } }));
  return {
    path: folder,
    set,
    get queries() {
      if (!existsSync(startsPath)) return [];
      const starts = readFileSync(startsPath, "utf8").trim().split("\n");
      return starts
        .map((line) => JSON.parse(line) as { pid: number; flags: string[] })
        .filter((start) => !start.flags.includes("--help-query-gpu"));
    },
  };
}

/** A healthy GPU's cells, as a recent driver prints them for an H100. */
export function fakeGpu(index: number, changes: Readonly<Record<string, string>> = {}) {
  return {
    count: "1",
    index: String(index),
    uuid: `GPU-${index}aaaaaaa-0000-4000-8000-000000000000`,
    "pci.bus_id": `00000000:0${index}:00.0`,
    driver_version: "590.48.01",
    serial: `165000000000${index}`,
    vbios_version: "96.00.A5.00.01",
    name: "NVIDIA H100 80GB HBM3",
    "utilization.gpu": "97 %",
    "utilization.memory": "41 %",
    "clocks.current.sm": "1980 MHz",
    "temperature.gpu": "52",
    "temperature.gpu.tlimit": "-3",
    "temperature.memory": "N/A",
    "power.draw": "627.40 W",
    "enforced.power.limit": "700.00 W",
    "memory.total": "81559 MiB",
    "memory.free": "15 MiB",
    "memory.used": "80995 MiB",
    "memory.reserved": "549 MiB",
    "fan.speed": "7 %",
    pstate: "P0",
    "mig.mode.current": "Disabled",
    "remapped_rows.pending": "No",
    "remapped_rows.failure": "Yes",
    "remapped_rows.histogram.max": "3071",
    "ecc.errors.corrected.volatile.total": "4294967296",
    "clocks_event_reasons.sw_power_cap": "Active",
    "clocks_event_reasons.gpu_idle": "Not Active",
    "clocks_event_reasons_counters.sw_power_cap": "204642816 us",
    gpu_recovery_action: "Drain and Reset",
    ...changes,
  };
}

const allFields: readonly string[] = Object.keys(fakeGpu(0));
