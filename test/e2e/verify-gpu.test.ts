/** `npm run verify:gpu` itself, on the stand-in library and a stand-in nvidia-smi that agrees with it, or doesn't. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder } from "../kit/folder.ts";
import { repositoryRoot } from "../kit/sources.ts";
import { buildNvmlStandIn } from "../standins/build.ts";
import { createNvmlControl } from "../standins/nvml-control.ts";
import { uuidOf } from "../standins/nvml-profiles.ts";

/** What nvidia-smi would print of the stand-in's first H100. */
const agreeing: Readonly<Record<string, string>> = {
  uuid: uuidOf(0),
  name: "NVIDIA H100 80GB HBM3",
  "utilization.gpu": "90 %",
  "utilization.memory": "40 %",
  "clocks.current.sm": "1980 MHz",
  "temperature.gpu": "45",
  "temperature.memory": "60",
  "power.draw": "560.00 W",
  "enforced.power.limit": "700.00 W",
  "memory.total": "81559 MiB",
  "memory.used": "10000 MiB",
  "memory.reserved": "616 MiB",
  pstate: "P0",
  "mig.mode.current": "Disabled",
  "ecc.errors.corrected.volatile.total": "0",
  "remapped_rows.correctable": "1",
  "remapped_rows.pending": "No",
  "clocks_event_reasons.sw_power_cap": "Active",
  "clocks_event_reasons.gpu_idle": "Not Active",
  gpu_recovery_action: "None",
};

async function verify(
  cells: Readonly<Record<string, string>> | null,
): Promise<{ code: number | null; output: string }> {
  const folder = makeFolder();
  const control = createNvmlControl(folder, ["h100"]);
  const file = join(folder, "cells.json");
  writeFileSync(file, JSON.stringify(cells === null ? [] : [cells]));
  const program = join(repositoryRoot, "test/kit/plain-nvidia-smi-program.ts");
  writeFileSync(
    join(folder, "nvidia-smi"),
    `#!/bin/sh\nexec '${process.execPath}' '${program}' '${file}' "$@"\n`,
    { mode: 0o755 },
  );
  const child = spawn(
    process.execPath,
    [
      join(repositoryRoot, "test/verify/gpu.ts"),
      "--samples=2",
      "--interval=0s",
      "--load-seconds=0",
    ],
    {
      env: {
        ...process.env,
        PATH: `${folder}:${process.env["PATH"]}`,
        WARPWATCH_NVML_LIBRARY: buildNvmlStandIn(),
        WARPWATCH_STANDIN_CONTROL: control.path,
      },
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part: Buffer) => (output += part.toString("utf8")));
  await once(child, "close");
  return { code: child.exitCode, output };
}

test("passes where nvidia-smi and NVML's plain calls say what the agent says", async () => {
  const { code, output } = await verify(agreeing);
  expect(output).toContain("verify:gpu: passed");
  expect(output).toMatch(/^agrees .* nvidia-smi power\.draw as DCGM_FI_DEV_POWER_USAGE:/m);
  expect(output).toMatch(/^agrees .* nvmlDeviceGetTemperature 0 as DCGM_FI_DEV_GPU_TEMP:/m);
  expect(output).not.toContain("DIFFERS");
  expect(code).toBe(0);
});

test("names each value that differs, and ends with 1", async () => {
  const { code, output } = await verify({
    ...agreeing,
    "temperature.gpu": "47",
    "memory.used": "10002 MiB",
    "power.draw": "530.00 W",
    "utilization.gpu": "84 %",
    "remapped_rows.correctable": "2",
    "fan.speed": "30 %",
  });
  const differing = [...output.matchAll(/^DIFFERS \S+ nvidia-smi (\S+) as DCGM/gm)];
  expect(differing.map(([, field = ""]) => field).toSorted()).toEqual([
    "memory.used",
    "power.draw",
    "remapped_rows.correctable",
    "temperature.gpu",
    "utilization.gpu",
  ]);
  expect(output).toContain("the agent has no value in 2 of 2 rounds");
  expect(output).toContain("verify:gpu: FAILED");
  expect(code).toBe(1);
});

test("says loudly that nothing was verified where there is no GPU", async () => {
  const { code, output } = await verify(null);
  expect(output).toContain("SKIPPED");
  expect(output).toContain("NOTHING WAS VERIFIED");
  expect(code).toBe(0);
});
