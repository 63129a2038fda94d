/** A node of stand-in GPUs: their control file, the real probes, and the context that its sources are opened with. */
import type { ChildProcess } from "node:child_process";
import { createHolders } from "../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../agent/gpu-directory.ts";
import { createProbes, type OwnedProbes } from "../../agent/probes/process.ts";
import type { SourceContext } from "../../agent/sources/source.ts";
import { nowhere } from "../../core/catalog/device.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { createNvmlControl, type NvmlControl } from "../standins/nvml-control.ts";

export interface StandInNode {
  readonly control: NvmlControl;
  readonly probes: OwnedProbes;
  readonly context: SourceContext;
  /** The probe that was started last; undefined before. */
  probe(): ChildProcess | undefined;
}

export function makeStandInNode(folder: string, gpus: number): StandInNode {
  const control = createNvmlControl(
    folder,
    Array.from({ length: gpus }, () => "h100"),
  );
  let probe: ChildProcess | undefined;
  const real = createEnv();
  const env = createEnv({
    variables: { WARPWATCH_STANDIN_CONTROL: control.path },
    paths: { procfs: `${folder}/proc`, sysfs: `${folder}/sys`, rootfs: folder },
    spawn: (...how) => (probe = real.spawn(...how)),
  });
  const log = createLog({ clock: env.clock, write: () => undefined });
  const probes = createProbes(env, log);
  const context: SourceContext = {
    env,
    log,
    events: { report: () => undefined },
    host: { kind: "node", id: "a", node: "a", name: "a", model: "", place: nowhere },
    probes,
    gpus: createGpuDirectory(),
    holders: createHolders(),
    stateFolder: "",
  };
  return { control, probes, context, probe: () => probe };
}
