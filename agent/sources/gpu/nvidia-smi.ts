/** NVIDIA GPUs through one long-lived `nvidia-smi --query-gpu … --loop-ms`: for machines where no driver library can be loaded. */
import { info } from "../../../core/catalog/gpu.ts";
import { lost } from "../../../core/catalog/gpu-errors.ts";
import { dcgmLabels, gpuDevice, gpuLabels } from "../../../core/catalog/gpu-labels.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import { absent, type Absent, type Reader, type Source, type SourceContext } from "../source.ts";
import { measuredFields, measuredMetrics, nameField } from "./nvidia-smi-fields.ts";
import { reportLost } from "./lost.ts";
import { createLeaveOut, listBoundGpus, type LeaveOut } from "./nvidia-smi-leave-out.ts";
import { createLoop, type Loop, type LoopOptions } from "./nvidia-smi-loop.ts";
import {
  createRunner,
  createSiblings,
  endOf,
  releaseSiblings,
  type Runner,
  type Siblings,
} from "./nvidia-smi-process.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { chooseLayout, readFieldNames, type Layout, type Row } from "./nvidia-smi-rounds.ts";
import { createRoster, type KnownGpu, type Roster } from "./nvidia-smi-roster.ts";
import type { ReadCell } from "./nvidia-smi-fields.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";

export interface NvidiaSmiOptions extends Partial<LoopOptions> {
  /** The program; looked for on the PATH. */
  readonly command?: string;
  /** How long a GPU whose failure fails the whole command is left out before it's asked for again. */
  readonly leaveOutMilliseconds?: number;
  readonly siblings?: Siblings;
  /** How long a release holds: time for a driver to be exchanged. */
  readonly holdMilliseconds?: number;
}

/** Slots of one GPU, and the cell each is read from. */
interface Binding {
  readonly gpu: KnownGpu;
  readonly infoSlot: number;
  readonly lostSlot: number;
  readonly cells: readonly { slot: number; position: number; readCell: ReadCell }[];
}

/** More lines than any version's help text has. */
const maximumHelpLines = 10_000;

export function createNvidiaSmiSource(options: NvidiaSmiOptions = {}): Source {
  const { command = "nvidia-smi", leaveOutMilliseconds = 600_000 } = options;
  const loopOptions: LoopOptions = {
    periodMilliseconds: options.periodMilliseconds ?? 1000,
    staleMilliseconds: options.staleMilliseconds ?? 5000,
    stallMilliseconds: options.stallMilliseconds ?? 20_000,
    backoffMilliseconds: options.backoffMilliseconds ?? [1000, 60_000],
  };
  const siblings = options.siblings ?? createSiblings();
  let clock: Clock | undefined;
  // These outlive a reader: a process that hangs keeps the next from being started, a GPU that is gone stays missed.
  let runner: Runner | undefined;
  let roster: Roster | undefined;

  return {
    name: "nvidia_smi",
    sampling: "fast",
    metrics: [info, lost, ...measuredMetrics],
    async open(context, signal) {
      const { env } = context;
      clock = env.clock;
      runner ??= createRunner(env, command, siblings);
      const known = (roster ??= createRoster(context.host.node));
      const help = await readHelp(runner, signal);
      if (typeof help !== "string") return help;
      const layout = chooseLayout(measuredFields, readFieldNames(help));
      for (const name of ["index", "uuid", "pci.bus_id", nameField])
        if (!layout.columns.has(name))
          throw new WarpwatchError("PROGRAM_FAILED", `${command} doesn't list the field ${name}`);
      const bound = await listBoundGpus(env.paths.procfs);
      const places = () => [...bound, ...known.gpus.map((gpu) => gpu.identity.pciBusId)];
      const leaveOut = createLeaveOut(env.clock, places, leaveOutMilliseconds);
      const loop = createLoop(env, runner, layout, loopOptions);
      try {
        await waitForRound(context, loop, leaveOut, signal);
      } catch (thrown) {
        if (!saysNoDevices(thrown)) throw thrown;
        if (known.gpus.length === 0) return absent(`${command} finds no GPU`);
      }
      return createReader(context, loop, layout, known, leaveOut);
    },
    release: () =>
      clock === undefined
        ? Promise.resolve(false)
        : releaseSiblings(clock, siblings, options.holdMilliseconds ?? 60_000),
  };
}

/** Once more for every GPU that has to be left out; each is left out only once, so this ends. */
async function waitForRound(
  context: SourceContext,
  loop: Loop,
  leaveOut: LeaveOut,
  signal: AbortSignal,
): Promise<void> {
  try {
    await loop.first(signal);
  } catch (thrown) {
    if (!restartWithout(context, loop, leaveOut, thrown)) throw thrown;
    await waitForRound(context, loop, leaveOut, signal);
  }
}

function restartWithout(
  context: SourceContext,
  loop: Loop,
  leaveOut: LeaveOut,
  thrown: unknown,
): boolean {
  const others = leaveOut.others(thrown);
  if (!others) return false;
  context.log.warn("a GPU can't be opened; the others are read without it", {
    source: "nvidia_smi",
    reason: describeError(thrown),
  });
  loop.restart(others);
  return true;
}

function createReader(
  context: SourceContext,
  loop: Loop,
  layout: Layout,
  roster: Roster,
  leaveOut: LeaveOut,
): Reader {
  let bindings: Binding[] = [];
  let registeredVersion = -1;

  function currentRows(): readonly Row[] {
    if (leaveOut.isOver) {
      leaveOut.forget();
      loop.restart([]);
    }
    try {
      return loop.latest();
    } catch (thrown) {
      if (roster.gpus.length > 0 && saysNoDevices(thrown)) return [];
      restartWithout(context, loop, leaveOut, thrown);
      throw thrown;
    }
  }

  function takeRound(): void {
    for (const gpu of roster.take(currentRows())) reportLost(context, "nvidia_smi", gpu.identity);
  }

  // The GPUs have to be known before they are registered.
  takeRound();
  return {
    register(slots) {
      bindings = roster.gpus.map((gpu) => bind(slots, context, layout, gpu));
      registeredVersion = roster.version;
      context.gpus.tell("nvidia_smi", identitiesOf(roster));
    },
    read(column) {
      takeRound();
      if (roster.version !== registeredVersion) return "changed";
      for (const binding of bindings) write(binding, column);
      return undefined;
    },
    close: () => loop.close(),
  };
}

/** The help text; absent where the program isn't there. */
async function readHelp(runner: Runner, signal: AbortSignal): Promise<string | Absent> {
  const lines: string[] = [];
  const running = runner.start(["--help-query-gpu"], (line) => {
    if (lines.length < maximumHelpLines) lines.push(line);
    return line.startsWith('"');
  });
  const ending = await endOf(running, signal);
  if (ending?.missing === true) return absent("nvidia-smi isn't installed or isn't on the PATH");
  if (!lines.some((line) => line.startsWith('"')))
    throw ending
      ? new WarpwatchError("PROGRAM_FAILED", ending.reason)
      : new WarpwatchError("SOURCE_TIMEOUT", "nvidia-smi didn't list its fields in time");
  return lines.join("\n");
}

function bind(
  slots: SlotRegistrar,
  context: SourceContext,
  layout: Layout,
  gpu: KnownGpu,
): Binding {
  const { identity } = gpu;
  const device = gpuDevice(identity, context.host.place);
  const own = gpuLabels(identity);
  const cells: { slot: number; position: number; readCell: ReadCell }[] = [];
  for (const field of measuredFields) {
    const name = field.names.find((each) => layout.columns.has(each)) ?? "";
    const position = layout.columns.get(name);
    if (position === undefined) continue;
    for (const { metric, extraLabels, readCell } of field.targets) {
      const labels = { ...dcgmLabels(identity), ...extraLabels };
      cells.push({ slot: slots.slot(metric, labels, device), position, readCell });
    }
  }
  const facts = {
    ...own,
    pci_bus_id: identity.pciBusId,
    model: identity.model,
    serial: gpu.serial,
    driver_version: identity.driverVersion,
    vbios_version: gpu.vbiosVersion,
  };
  return {
    gpu,
    infoSlot: slots.slot(info, facts, device),
    lostSlot: slots.slot(lost, own, device),
    cells,
  };
}

function write({ gpu, infoSlot, lostSlot, cells }: Binding, column: Float64Array): void {
  column[infoSlot] = 1;
  column[lostSlot] = gpu.row === undefined ? 1 : 0;
  if (!gpu.row) return;
  for (const { slot, position, readCell } of cells)
    column[slot] = readCell(gpu.row.cells[position] ?? "");
}

function identitiesOf(roster: Roster) {
  return roster.gpus.map(({ identity }) => identity);
}

function saysNoDevices(thrown: unknown): boolean {
  return describeError(thrown).includes("No devices were found");
}
