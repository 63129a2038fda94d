/**
 * What nvidia-smi tells in `-q -x` and not in its fast CSV: limits, errors by place, repairs, fabric, MIG instances,
 * processes. One source asks every 15 s; one of the fast class repeats what its metrics want every second.
 */
import { boardInfo, instanceInfo, processes } from "../../../core/catalog/gpu-details.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import { dcgmLabels, gpuDevice, gpuLabels } from "../../../core/catalog/gpu-labels.ts";
import type { Device } from "../../../core/catalog/device.ts";
import type { Metric, SamplingClass } from "../../../core/catalog/metric.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { absent, type Reader, type Source, type SourceContext } from "../source.ts";
import { createSiblings, whenAborted } from "./nvidia-smi-process.ts";
import type { ReportValue, ReportValues } from "./nvidia-smi-report.ts";
import { instanceFields, reportFields } from "./nvidia-smi-report-fields.ts";
import {
  createReportSession,
  type ReportedGpu,
  type ReportOptions,
  type ReportSession,
} from "./nvidia-smi-report-session.ts";

type Sampling = SamplingClass & ("fast" | "steady");

interface Cell {
  readonly gpu: ReportedGpu;
  readonly slot: number;
  /** NaN where the newest report has no value. */
  readonly read: (gpu: ReportedGpu) => number;
}

/** Values are repeated each second, and no longer than this. */
const oldestMilliseconds = 45_000;
const processKinds = ["compute", "graphics", "mps"] as const;
const everyMetric: readonly Metric[] = [
  ...new Set([...reportFields, ...instanceFields].flatMap(({ targets }) => targets)),
].map(({ metric }) => metric);

export function createNvidiaSmiDetails(options: Partial<ReportOptions> = {}): Source[] {
  const reportOptions: ReportOptions = {
    command: options.command ?? "nvidia-smi",
    deadlineMilliseconds: options.deadlineMilliseconds ?? 20_000,
    patienceMilliseconds: options.patienceMilliseconds ?? 4000,
    freshMilliseconds: options.freshMilliseconds ?? 5000,
    leaveOutMilliseconds: options.leaveOutMilliseconds ?? 600_000,
    siblings: options.siblings ?? createSiblings(),
  };
  let session: ReportSession | null = null;
  /** Null unless the machine has none. */
  let whyAbsent: string | null = null;
  const tried = Promise.withResolvers<undefined>();

  function metricsOf(sampling: Sampling): Metric[] {
    const own = everyMetric.filter((metric) => metric.sampling === sampling);
    const others = sampling === "fast" ? [instanceInfo] : [boardInfo, processes];
    return [...new Set([...own, ...others])];
  }

  return [
    {
      name: "nvidia_smi_details",
      sampling: "steady",
      metrics: metricsOf("steady"),
      async open(context, signal) {
        const opening = createReportSession(context, reportOptions);
        try {
          const missing = await opening.open(signal);
          whyAbsent = missing?.absent ?? null;
          if (missing) return missing;
          session = opening;
        } finally {
          tried.resolve(undefined);
        }
        const close = (): void => {
          if (session === opening) session = null;
          opening.close();
        };
        return createReader(context, opening, "steady", (after) => opening.refresh(after), close);
      },
    },
    {
      name: "nvidia_smi_repeated",
      sampling: "fast",
      metrics: metricsOf("fast"),
      async open(context, signal) {
        await Promise.race([tried.promise, whenAborted(signal)]);
        const opened = session;
        if (!opened && whyAbsent !== null) return absent(whyAbsent);
        if (!opened)
          throw new WarpwatchError(
            "SOURCE_TIMEOUT",
            "nvidia-smi has given no report to repeat yet",
          );
        return createReader(
          context,
          opened,
          "fast",
          async () => {},
          () => {},
        );
      },
    },
  ];
}

function createReader(
  context: SourceContext,
  session: ReportSession,
  sampling: Sampling,
  refresh: (signal: AbortSignal) => Promise<void>,
  close: () => void,
): Reader {
  let cells: Cell[] = [];
  let registeredVersion = -1;
  return {
    register(slots) {
      registeredVersion = session.version;
      cells = session.gpus.flatMap((gpu) => cellsOf(slots, context, gpu, sampling));
    },
    async read(column, signal) {
      await refresh(signal);
      if (session.version !== registeredVersion) return "changed";
      if (context.env.clock.monotonic() - session.takenAt > oldestMilliseconds) return undefined;
      for (const { gpu, slot, read } of cells) column[slot] = gpu.report ? read(gpu) : Number.NaN;
      return undefined;
    },
    close,
  };
}

function cellsOf(
  slots: SlotRegistrar,
  context: SourceContext,
  gpu: ReportedGpu,
  sampling: Sampling,
): Cell[] {
  const { identity, known, report } = gpu;
  const own = gpuDevice(identity, context.host.place);
  const labels = gpuLabels(identity);
  const cells: Cell[] = [];
  const add = (slot: number, read: Cell["read"]): void => void cells.push({ gpu, slot, read });

  function addValues(
    values: ReadonlyMap<string, ReportValue>,
    common: Readonly<Record<string, string>>,
    device: Device,
    now: (of: ReportedGpu) => ReportValues | undefined,
  ): void {
    for (const [key, { metric, extraLabels }] of values)
      if (metric.sampling === sampling)
        add(
          slots.slot(metric, { ...common, ...extraLabels }, device),
          (of) => now(of)?.get(key)?.value ?? Number.NaN,
        );
  }

  addValues(known, { ...dcgmLabels(identity), ...labels }, own, (of) => of.report?.values);
  for (const [id, { uuid, profile, known: values }] of gpu.instances) {
    const part: Device = {
      ...own,
      kind: "mig",
      id: uuid || `${own.id}/${id}`,
      name: `${own.name}/${id}`,
    };
    addValues(
      values,
      dcgmLabels(identity, { id, profile }),
      part,
      (of) => of.report?.instances.find(({ gpuInstance }) => gpuInstance === id)?.values,
    );
    if (sampling === "fast")
      add(
        slots.slot(instanceInfo, { ...labels, GPU_I_ID: id, GPU_I_PROFILE: profile, uuid }, own),
        () => 1,
      );
  }
  if (sampling === "fast") return cells;
  const { partNumber = "", inforomVersion = "" } = report?.board ?? {};
  const facts = { ...labels, part_number: partNumber, inforom_version: inforomVersion };
  add(slots.slot(boardInfo, facts, own), () => 1);
  for (const kind of processKinds)
    add(slots.slot(processes, { ...labels, kind }, own), (of) => countOf(of, kind));
  return cells;
}

function countOf({ report }: ReportedGpu, kind: (typeof processKinds)[number]): number {
  return report?.processes?.filter(({ kinds }) => kinds.includes(kind)).length ?? Number.NaN;
}
