/** Runs the NVML sources against the real probe process with the stand-in library, as the sampler would. */
import { onTestFinished } from "vitest";
import { createHolders } from "../../../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../../../agent/gpu-directory.ts";
import { createProbes, type OwnedProbes } from "../../../../agent/probes/process.ts";
import { createNvmlSources, type NvmlSources } from "../../../../agent/sources/gpu/nvml.ts";
import type { Absent, Source, SourceContext } from "../../../../agent/sources/source.ts";
import { nowhere } from "../../../../core/catalog/device.ts";
import { createEnv } from "../../../../core/kit/env.ts";
import { createLog } from "../../../../core/kit/log.ts";
import type { EventReport } from "../../../../core/wire/event.ts";
import { labelsOf, type Series } from "../../../../core/wire/frame.ts";
import { followSource, type FollowedSource } from "../../../kit/followed-source.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { buildNvmlStandIn, type StandInOptions } from "../../../standins/build.ts";
import { createNvmlControl, type NvmlControl } from "../../../standins/nvml-control.ts";
import type { ProfileName } from "../../../standins/nvml-profiles.ts";

export interface NvmlHarness {
  readonly control: NvmlControl;
  readonly context: SourceContext;
  readonly probes: OwnedProbes;
  readonly nvml: NvmlSources;
  readonly events: EventReport[];
  /** Throws what the source throws. */
  readonly open: (name?: string) => Promise<FollowedSource | Absent>;
  readonly up: (name?: string) => Promise<FollowedSource>;
}

const patienceMilliseconds = 10_000;
const telling = [
  "kind",
  "reason",
  "state",
  "action",
  "link",
  "engine",
  "location",
  "period",
  "direction",
  "sensor",
];

export function createNvmlHarness(
  gpus: readonly ProfileName[] = ["h100"],
  options: StandInOptions = {},
): NvmlHarness {
  const control = createNvmlControl(makeFolder(), gpus);
  const events: EventReport[] = [];
  const { context, probes } = makeNvmlContext(control, events);
  const nvml = createNvmlSources({ library: buildNvmlStandIn(options) });

  async function open(name = "nvml"): Promise<FollowedSource | Absent> {
    const source = nvml.sources.find((each) => each.name === name) as Source;
    const opened = await source.open(context, AbortSignal.timeout(patienceMilliseconds));
    return "absent" in opened ? opened : followSource(opened, nameOf);
  }

  return {
    control,
    context,
    probes,
    nvml,
    events,
    open,
    async up(name) {
      const opened = await open(name);
      if ("absent" in opened) throw new Error(`it is absent: ${opened.absent}`);
      return opened;
    },
  };
}

export function makeNvmlContext(
  control: NvmlControl,
  events: EventReport[] = [],
): { context: SourceContext; probes: OwnedProbes } {
  const root = makeFolder();
  const env = createEnv({
    variables: { WARPWATCH_STANDIN_CONTROL: control.path },
    paths: { procfs: `${root}/proc`, sysfs: `${root}/sys`, rootfs: root },
  });
  const log = createLog({ clock: env.clock, write: () => undefined });
  const probes = createProbes(env, log);
  onTestFinished(() => probes.close());
  const context: SourceContext = {
    env,
    log,
    events: { report: (event) => void events.push(event) },
    host: { kind: "node", id: "a", node: "node-a", name: "a", model: "", place: nowhere },
    probes,
    gpus: createGpuDirectory(),
    holders: createHolders(),
    stateFolder: "",
  };
  return { context, probes };
}

/** `DCGM_FI_DEV_GPU_TEMP 0`: the name, the labels that tell its series apart, and the GPU or its instance. */
function nameOf(series: Series): string {
  const labels = labelsOf(series);
  const extra = telling.map((name) => labels[name]).filter((value) => value !== undefined);
  const instance = labels["GPU_I_ID"] === "" ? undefined : labels["GPU_I_ID"];
  const gpu = instance === undefined ? labels["gpu"] : `${labels["gpu"]}/${instance}`;
  return [series.metric.name, ...extra, gpu].join(" ");
}
