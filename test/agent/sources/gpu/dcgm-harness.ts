/** Runs the DCGM sources against the real probe process with the stand-in library, as the sampler would. */
import { onTestFinished } from "vitest";
import { createHolders } from "../../../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../../../agent/gpu-directory.ts";
import { createProbes, type OwnedProbes } from "../../../../agent/probes/process.ts";
import { createDcgmSources, type DcgmSources } from "../../../../agent/sources/gpu/dcgm.ts";
import {
  createServedSeries,
  type ServedSeries,
} from "../../../../agent/sources/gpu/served-series.ts";
import type { Better } from "../../../../agent/sources/gpu/stand-by.ts";
import type { Source, SourceContext } from "../../../../agent/sources/source.ts";
import { nowhere } from "../../../../core/catalog/device.ts";
import { createEnv } from "../../../../core/kit/env.ts";
import { createLog } from "../../../../core/kit/log.ts";
import type { EventReport } from "../../../../core/wire/event.ts";
import type { Series } from "../../../../core/wire/frame.ts";
import { followSource, type FollowedSource } from "../../../kit/followed-source.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { buildDcgmStandIn, type StandInOptions } from "../../../standins/build.ts";
import { address, createDcgmControl, type DcgmControl } from "../../../standins/dcgm-control.ts";

export interface DcgmHarness {
  readonly control: DcgmControl;
  readonly context: SourceContext;
  readonly probes: OwnedProbes;
  readonly served: ServedSeries;
  readonly dcgm: DcgmSources;
  readonly events: EventReport[];
  /** Lines of the log. */
  readonly said: string[];
  /** Throws what the source throws; a string where it is absent: why. */
  readonly open: (name?: string) => Promise<FollowedSource | string>;
  readonly up: (name?: string) => Promise<FollowedSource>;
}

export interface HarnessOptions {
  readonly gpus?: number;
  readonly address?: string;
  readonly collectorsFile?: string;
  readonly library?: StandInOptions;
  readonly nvml?: Better;
}

const patienceMilliseconds = 10_000;
const nobody: Better = { tried: () => Promise.resolve(), whyNotNeeded: () => null };

export function createDcgmHarness(options: HarnessOptions = {}): DcgmHarness {
  const control = createDcgmControl(makeFolder(), options.gpus ?? 2);
  const { context, probes, events, said } = makeDcgmContext(
    control,
    buildDcgmStandIn(options.library),
  );
  const served = createServedSeries();
  const flags = {
    address: options.address ?? address,
    collectorsFile: options.collectorsFile ?? "",
  };
  const dcgm = createDcgmSources(flags, served, options.nvml ?? nobody);

  async function open(name = "dcgm"): Promise<FollowedSource | string> {
    const source = dcgm.sources.find((each) => each.name === name) as Source;
    const opened = await source.open(context, AbortSignal.timeout(patienceMilliseconds));
    return "absent" in opened ? opened.absent : followSource(opened, nameOf);
  }

  return {
    control,
    context,
    probes,
    served,
    dcgm,
    events,
    said,
    open,
    async up(name) {
      const opened = await open(name);
      if (typeof opened === "string") throw new Error(`it is absent: ${opened}`);
      return opened;
    },
  };
}

export function makeDcgmContext(
  control: DcgmControl,
  library: string,
  variables: Readonly<Record<string, string>> = {},
): { context: SourceContext; probes: OwnedProbes; events: EventReport[]; said: string[] } {
  const root = makeFolder();
  const events: EventReport[] = [];
  const said: string[] = [];
  const env = createEnv({
    variables: {
      WARPWATCH_DCGM_STANDIN_CONTROL: control.path,
      ...(library === "" ? {} : { WARPWATCH_DCGM_LIBRARY: library }),
      ...variables,
    },
    paths: { procfs: `${root}/proc`, sysfs: `${root}/sys`, rootfs: root },
  });
  const log = createLog({ clock: env.clock, write: (line) => void said.push(line) });
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
  return { context, probes, events, said };
}

const left = new Set(
  "Hostname hostname modelName pci_bus_id device DCGM_FI_DRIVER_VERSION UUID gpu_uuid model_name".split(
    " ",
  ),
);

/** `NAME{gpu="0",…}` with the labels that aren't empty, but those that are the same for all. */
function nameOf({ metric, values }: Series): string {
  const labels = metric.labels
    .map((label, index) => [label, values[index] ?? ""] as const)
    .filter(([label, value]) => value !== "" && !left.has(label));
  return `${metric.name}{${labels.map(([label, value]) => `${label}=${value}`).join(",")}}`;
}
