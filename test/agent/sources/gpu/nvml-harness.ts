/** Runs the NVML sources against the real probe process with the stand-in library, as the sampler would. */
import { expect, onTestFinished } from "vitest";
import { createHolders } from "../../../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../../../agent/gpu-directory.ts";
import { createProbes, type OwnedProbes } from "../../../../agent/probes/process.ts";
import { createNvmlSources, type NvmlSources } from "../../../../agent/sources/gpu/nvml.ts";
import type { Absent, Reader, Source, SourceContext } from "../../../../agent/sources/source.ts";
import { nowhere } from "../../../../core/catalog/device.ts";
import { createEnv } from "../../../../core/kit/env.ts";
import { createLog } from "../../../../core/kit/log.ts";
import type { EventReport } from "../../../../core/wire/event.ts";
import { labelsOf } from "../../../../core/wire/frame.ts";
import { createSeriesList } from "../../../../core/wire/slots.ts";
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
  readonly open: (name?: string) => Promise<OpenedSource | Absent>;
  readonly up: (name?: string) => Promise<OpenedSource>;
}

export interface OpenedSource {
  readonly reader: Reader;
  /** One round: present samples by name and the labels that tell them apart, `DCGM_FI_DEV_GPU_TEMP 0`. */
  read(): Promise<Map<string, number>>;
  /** Rounds until the samples please. */
  until(holds: (samples: Map<string, number>) => boolean): Promise<Map<string, number>>;
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

  async function open(name = "nvml"): Promise<OpenedSource | Absent> {
    const source = nvml.sources.find((each) => each.name === name) as Source;
    const opened = await source.open(context, AbortSignal.timeout(patienceMilliseconds));
    return "absent" in opened ? opened : follow(opened);
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

function follow(reader: Reader): OpenedSource {
  onTestFinished(() => reader.close());
  let names: string[] = [];

  function register(): void {
    const list = createSeriesList(20_000);
    reader.register(list);
    expect(list.refused).toBe(0);
    names = list.series.map((series) => {
      const labels = labelsOf(series);
      const extra = telling.map((name) => labels[name]).filter((value) => value !== undefined);
      const instance = labels["GPU_I_ID"] === "" ? undefined : labels["GPU_I_ID"];
      const gpu = instance === undefined ? labels["gpu"] : `${labels["gpu"]}/${instance}`;
      return [series.metric.name, ...extra, gpu].join(" ");
    });
  }

  async function read(): Promise<Map<string, number>> {
    register();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const column = new Float64Array(names.length).fill(Number.NaN);
      if ((await reader.read(column, AbortSignal.timeout(2000))) === "changed") register();
      else
        return new Map(
          names.flatMap((name, slot) => {
            const value = column[slot] ?? Number.NaN;
            return Number.isNaN(value) ? [] : [[name, value] as const];
          }),
        );
    }
    throw new Error("the devices changed three times in a row");
  }

  return {
    reader,
    read,
    async until(holds) {
      const deadline = performance.now() + patienceMilliseconds;
      let last: unknown;
      while (performance.now() < deadline) {
        try {
          const samples = await read();
          if (holds(samples)) return samples;
        } catch (thrown) {
          last = thrown;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error("it never came to that", { cause: last });
    },
  };
}
