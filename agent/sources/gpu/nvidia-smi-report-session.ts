/** Asks nvidia-smi for its whole report again and again, one process at a time, and remembers what each GPU ever told. */
import { sleep } from "../../../core/kit/clock.ts";
import { memoryTotal } from "../../../core/catalog/gpu-details.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import type { GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import type { GpuInstance } from "../../gpu-directory.ts";
import { absent, type Absent, type SourceContext } from "../source.ts";
import { accountOfPath } from "./nvidia-smi-accounts.ts";
import { createLeaveOut, listBoundGpus, type LeaveOut } from "./nvidia-smi-leave-out.ts";
import { readInstanceNames, type InstanceName } from "./nvidia-smi-instances.ts";
import { createRunner, whenAborted, type Running, type Siblings } from "./nvidia-smi-process.ts";
import {
  pathsOf,
  readReport,
  type GpuReport,
  type InstanceReport,
  type ReportValue,
} from "./nvidia-smi-report.ts";
import { maximumXmlCharacters } from "./small-xml.ts";

export interface ReportOptions {
  readonly command: string;
  /** A process that takes longer is given up: it hangs in the driver. */
  readonly deadlineMilliseconds: number;
  /** How long a reading waits for it; it goes on, and the next reading takes what it said. */
  readonly patienceMilliseconds: number;
  /** A report that is younger is not asked for again. */
  readonly freshMilliseconds: number;
  readonly leaveOutMilliseconds: number;
  readonly siblings: Siblings;
}

export interface ReportedGpu {
  identity: GpuIdentity;
  /** Undefined where the newest report lacks it or calls it lost. */
  report: GpuReport | undefined;
  /** Every value it ever told, by its key; the number is the first one's. */
  readonly known: Map<string, ReportValue>;
  /** Numbers and sizes of its MIG instances when they were last asked for by name. */
  instanceShape: string;
  /** What each MIG instance ever told, by the instance's number. */
  readonly instances: Map<string, ReportedInstance>;
}

export interface ReportedInstance extends Pick<InstanceName, "uuid" | "profile"> {
  readonly known: Map<string, ReportValue>;
}

export interface ReportSession {
  readonly gpus: readonly ReportedGpu[];
  /** Rises when the series are no longer the same. */
  readonly version: number;
  /** Steady milliseconds of the newest report; -Infinity before the first. */
  readonly takenAt: number;
  /** The first report, or why there is none. Throws PROGRAM_FAILED and SOURCE_TIMEOUT. */
  open(signal: AbortSignal): Promise<Absent | null>;
  /** A new report, if it comes in time; throws where there is none that is fresh. */
  refresh(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** A node holds far fewer. */
const maximumGpus = 64;

export function createReportSession(context: SourceContext, options: ReportOptions): ReportSession {
  const { env } = context;
  const { clock } = env;
  const runner = createRunner(env, options.command, options.siblings);
  const gpus = new Map<string, ReportedGpu>();
  let version = 0;
  let takenAt = Number.NEGATIVE_INFINITY;
  let running: Running | undefined;
  let startedAt = 0;
  let lines: string[] = [];
  let length = 0;
  let busIds: readonly string[] = [];
  let leaveOut: LeaveOut | undefined;

  function keep(line: string): boolean {
    length += line.length + 1;
    if (length <= maximumXmlCharacters) lines.push(line);
    return line.trimStart().startsWith("<");
  }

  function start(...args: readonly string[]): void {
    lines = [];
    length = 0;
    running = runner.start(args, keep);
    startedAt = clock.monotonic();
  }

  /** The whole output; undefined while it is under way still. */
  async function outputOf(signal: AbortSignal): Promise<string | undefined> {
    const current = running;
    if (!current) return undefined;
    const over = new AbortController();
    const pause = sleep(
      clock,
      options.patienceMilliseconds,
      AbortSignal.any([signal, over.signal]),
    );
    const ending = await Promise.race([current.ended, pause]);
    over.abort();
    if (!ending) {
      const seconds = Math.round((clock.monotonic() - startedAt) / 1000);
      if (clock.monotonic() - startedAt <= options.deadlineMilliseconds) return undefined;
      current.stop();
      running = undefined;
      const sentence = `${options.command} has not finished its report in ${seconds} s`;
      throw new WarpwatchError("SOURCE_TIMEOUT", sentence);
    }
    running = undefined;
    if (length > maximumXmlCharacters)
      throw new WarpwatchError("PROGRAM_FAILED", `${options.command} printed too much`);
    if (ending.missing || !lines.some((line) => line.includes("<nvidia_smi_log")))
      throw new WarpwatchError("PROGRAM_FAILED", ending.reason);
    return lines.join("\n");
  }

  /** After a failure nobody knows which processes there are. */
  async function refresh(signal: AbortSignal): Promise<void> {
    try {
      await report(signal);
    } catch (thrown) {
      context.gpus.tellProcesses("nvidia_smi_details", null);
      throw thrown;
    }
  }

  async function report(signal: AbortSignal): Promise<void> {
    if (leaveOut?.isOver === true) {
      leaveOut.forget();
      busIds = [];
    }
    if (!running) start("-q", "-x", ...(busIds.length > 0 ? [`--id=${busIds.join(",")}`] : []));
    let text: string | undefined;
    try {
      text = await outputOf(signal);
    } catch (thrown) {
      await leaveOutFailed(thrown);
      throw thrown;
    }
    if (text === undefined) return;
    tellUnknown(text);
    const reports = readReport(text);
    await nameInstances(reports, signal);
    take(reports);
  }

  /** Once: a newer driver tells what this version knows nothing of. */
  function tellUnknown(text: string): void {
    if (Number.isFinite(takenAt)) return;
    const unknown = [...pathsOf(text).keys()].filter((path) => accountOfPath(path) === undefined);
    if (unknown.length === 0) return;
    const elements = unknown.slice(0, 20).join(" ");
    context.log.info("nvidia-smi tells what this version doesn't know", {
      source: "nvidia_smi_details",
      count: unknown.length,
      elements,
    });
  }

  /** One GPU that can't be opened fails the whole report: the next is of the others. */
  async function leaveOutFailed(thrown: unknown): Promise<void> {
    const bound = await listBoundGpus(env.paths.procfs);
    const places = () => [...bound, ...[...gpus.values()].map((gpu) => gpu.identity.pciBusId)];
    leaveOut ??= createLeaveOut(clock, places, options.leaveOutMilliseconds);
    busIds = leaveOut.others(thrown) ?? busIds;
  }

  /** The report lacks the instances' UUIDs and profiles: they are asked for once, when instances are new. */
  async function nameInstances(reports: readonly GpuReport[], signal: AbortSignal): Promise<void> {
    const areKnown = reports.every(({ uuid, instances }) =>
      instances.length === 0
        ? (gpus.get(uuid)?.instances.size ?? 0) === 0
        : gpus.get(uuid)?.instanceShape === shapeOf(instances),
    );
    if (areKnown) return;
    const list: string[] = [];
    const listing = runner.start(["-L"], (line) => {
      if (list.length < 1000) list.push(line);
      return true;
    });
    const ending = await Promise.race([listing.ended, whenAborted(signal)]);
    if (!ending) listing.stop();
    const names = readInstanceNames(list);
    for (const { uuid, instances } of reports) {
      const gpu = gpus.get(uuid) ?? admit(uuid);
      gpu.instanceShape = shapeOf(instances);
      gpu.instances.clear();
      for (const { index, gpuInstance } of instances) {
        const name = names.find((each) => each.gpuUuid === uuid && each.index === index);
        gpu.instances.set(gpuInstance, {
          uuid: name?.uuid ?? "",
          profile: name?.profile ?? "",
          known: new Map(),
        });
      }
    }
    version += 1;
  }

  function admit(uuid: string): ReportedGpu {
    const identity = {
      node: env.node,
      index: gpus.size,
      uuid,
      pciBusId: "",
      model: "",
      driverVersion: "",
    };
    const gpu: ReportedGpu = {
      identity,
      report: undefined,
      known: new Map(),
      instanceShape: "",
      instances: new Map(),
    };
    if (gpus.size < maximumGpus) gpus.set(uuid, gpu);
    return gpu;
  }

  function take(reports: readonly GpuReport[]): void {
    takenAt = clock.monotonic();
    for (const gpu of gpus.values()) gpu.report = undefined;
    reports.forEach((report, position) => {
      if (report.uuid === "" || report.isLost) return;
      const gpu = gpus.get(report.uuid) ?? admit(report.uuid);
      identify(gpu, report, position);
      gpu.report = report;
      learn(gpu.known, report.values);
      for (const { gpuInstance, values } of report.instances)
        learn(gpu.instances.get(gpuInstance)?.known ?? new Map(), values);
    });
    tellDirectory();
  }

  /** By the number that the fast source reads; where it doesn't serve, the report's order is the driver's. */
  function identify(gpu: ReportedGpu, report: GpuReport, position: number): void {
    const told = context.gpus.gpus.find(({ uuid }) => uuid === report.uuid);
    const { uuid, pciBusId, model, driverVersion } = report;
    const identity = told ?? {
      node: env.node,
      index: position,
      uuid,
      pciBusId,
      model,
      driverVersion,
    };
    if (JSON.stringify(identity) === JSON.stringify(gpu.identity)) return;
    gpu.identity = identity;
    version += 1;
  }

  function learn(known: Map<string, ReportValue>, values: ReadonlyMap<string, ReportValue>): void {
    for (const [key, value] of values) {
      if (known.has(key)) continue;
      known.set(key, value);
      version += 1;
    }
  }

  function tellDirectory(): void {
    const all = [...gpus.values()];
    const instances = all.flatMap(({ identity, instances: parts }) =>
      [...parts].flatMap(([gpuInstance, { uuid }]): GpuInstance[] =>
        uuid === "" ? [] : [{ uuid, parentUuid: identity.uuid, gpuInstance }],
      ),
    );
    context.gpus.tell("nvidia_smi_details", [], instances);
    const known = all.flatMap(({ identity, report }) =>
      report?.processes ? [[identity.uuid, report.processes] as const] : [],
    );
    context.gpus.tellProcesses("nvidia_smi_details", new Map(known));
  }

  return {
    get gpus() {
      return [...gpus.values()];
    },
    get version() {
      return version;
    },
    get takenAt() {
      return takenAt;
    },
    async open(signal) {
      try {
        await refresh(signal);
      } catch (thrown) {
        const said = describeError(thrown);
        if (said.includes("ENOENT"))
          return absent("nvidia-smi isn't installed or isn't on the PATH");
        if (said.includes("No devices were found") && gpus.size === 0)
          return absent(`${options.command} finds no GPU`);
        throw thrown;
      }
      return null;
    },
    refresh,
    close() {
      running?.stop();
      running = undefined;
      context.gpus.tellProcesses("nvidia_smi_details", null);
    },
  };
}

/** Another layout under the same numbers has other sizes. */
function shapeOf(instances: readonly InstanceReport[]): string {
  return JSON.stringify(
    instances.map(({ index, gpuInstance, values }) => [
      index,
      gpuInstance,
      [...values.values()].find(({ metric }) => metric === memoryTotal)?.value,
    ]),
  );
}
