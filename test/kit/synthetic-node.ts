/** One node of a synthetic fleet read as the agent reads it: sources opened, registered and read at a moment the test chooses. */
import { createEnv } from "../../core/kit/env.ts";
import { createHolders } from "../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../agent/gpu-directory.ts";
import { createLog } from "../../core/kit/log.ts";
import { labelsOf, type Series } from "../../core/wire/frame.ts";
import type { EventReport } from "../../core/wire/event.ts";
import { createSeriesList } from "../../core/wire/slots.ts";
import type { Reader, Source } from "../../agent/sources/source.ts";
import { createSyntheticSources } from "../../agent/sources/synthetic.ts";
import type { Fleet } from "../../simulator/fleet.ts";
import { createFakeClock } from "./fake-clock.ts";
import { noProbes } from "./probes.ts";

export interface NodeView {
  readonly sources: readonly Source[];
  readonly events: readonly EventReport[];
  /** Steps the fleet to this moment and reads every source; rejects when one fails or hangs. */
  readAt(milliseconds: number): Promise<void>;
  /** Of the last read; undefined when no present series of the metric has these labels, an error when several have. */
  value(metric: string, labels?: Readonly<Record<string, string>>): number | undefined;
  /** Every series of the last read with its value; NaN is absent. */
  readonly samples: readonly { readonly series: Series; readonly value: number }[];
}

interface Opened {
  readonly reader: Reader;
  series: readonly Series[];
  column: Float64Array;
}

export async function viewNode(fleet: Fleet, node: number): Promise<NodeView> {
  const clock = createFakeClock(fleet.timeMilliseconds);
  const env = createEnv({ clock, node: fleet.nodes[node]?.name ?? "" });
  const events: EventReport[] = [];
  const context = {
    env,
    log: createLog({ clock, write: () => undefined }),
    events: { report: (event: EventReport) => void events.push(event) },
    host: fleet.nodes[node]!.device,
    probes: noProbes,
    gpus: createGpuDirectory(),
    holders: createHolders(),
    stateFolder: "",
  };
  const sources = createSyntheticSources({ fleet, node });
  const opened: Opened[] = [];
  for (const source of sources) {
    const reader = await source.open(context, new AbortController().signal);
    if ("absent" in reader) throw new Error(reader.absent);
    opened.push({ reader, ...register(reader) });
  }
  let samples: { series: Series; value: number }[] = [];

  async function read(one: Opened): Promise<void> {
    const controller = new AbortController();
    const deadline = setTimeout(() => controller.abort(), 20);
    try {
      for (let round = 0; round < 3; round += 1) {
        one.column.fill(Number.NaN);
        if ((await one.reader.read(one.column, controller.signal)) !== "changed") return;
        Object.assign(one, register(one.reader));
      }
      throw new Error("the source says changed without end");
    } finally {
      clearTimeout(deadline);
    }
  }

  return {
    sources,
    events,
    async readAt(milliseconds) {
      fleet.step(milliseconds);
      clock.setWallClock(milliseconds);
      samples = [];
      for (const one of opened) await read(one);
      samples = opened.flatMap((one) =>
        one.series.map((series, index) => ({ series, value: one.column[index]! })),
      );
    },
    value(metric, labels = {}) {
      const found = samples.filter(({ series, value }) => {
        if (series.metric.name !== metric || Number.isNaN(value)) return false;
        const own = labelsOf(series);
        return Object.entries(labels).every(([name, wanted]) => own[name] === wanted);
      });
      if (found.length > 1) throw new Error(`${metric}: ${found.length} series match`);
      return found[0]?.value;
    },
    get samples() {
      return samples;
    },
  };
}

function register(reader: Reader): { series: readonly Series[]; column: Float64Array } {
  const list = createSeriesList(10_000);
  reader.register(list);
  if (list.refused > 0) throw new Error(`${list.refused} series were refused`);
  return { series: list.series, column: new Float64Array(list.series.length) };
}
