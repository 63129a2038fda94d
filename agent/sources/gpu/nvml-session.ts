/** The agent's conversation with NVML in the `gpu` probe: which GPUs there are, how each is, and its latest values. */
import type { GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import {
  silent,
  type AttachAnswer,
  type CheckAnswer,
  type DescribeAnswer,
  type GpuProcess,
  type NvmlEvent,
  type OpenAnswer,
  type ProcessesAnswer,
  type ReadAnswer,
} from "../../probes/nvml/messages.ts";
import type { ReadingGroup } from "../../probes/nvml/readings.ts";
import { outcomeOf } from "../../probes/nvml/return-codes.ts";
import type { SourceContext } from "../source.ts";

/**
 * `silent`: a call to it is out and hasn't come back. `quarantined`: no call is made to it until it was reset.
 * `new`: not yet described.
 */
export type NvmlState = "new" | "up" | "lost" | "silent" | "quarantined";

export interface NvmlDevice {
  identity: GpuIdentity;
  /** The last there was; null before the first. */
  description: DescribeAnswer | null;
  /** Whether the probe has it ready to be read. */
  isDescribed: boolean;
  /** Whether the driver still lists it. */
  isListed: boolean;
  state: NvmlState;
  readonly values: Record<ReadingGroup, Values | null>;
  /** With the last `steady` round; null where the driver doesn't say. */
  processes: readonly GpuProcess[] | null;
}

interface Values {
  readonly column: Float64Array;
  /** Steady milliseconds. */
  readonly takenAt: number;
}

export interface NvmlSession {
  /** Those seen since the agent started, but those whose place another has taken. */
  readonly devices: readonly NvmlDevice[];
  /** Rises when the devices, or what can be read of them, are no longer the same. */
  readonly version: number;
  /** Opens the library unless it is open. Returns why there is nothing to open; throws when it can't be. */
  open(): Promise<string | null>;
  /** Reads every GPU that answers. Throws when none can be asked. */
  round(group: ReadingGroup): Promise<void>;
  /** What the driver reported since it was last asked. */
  events(): Promise<readonly NvmlEvent[]>;
  /** Frees every handle, so that a driver can be unloaded; nothing is opened again for a while. */
  release(): Promise<boolean>;
}

export interface NvmlOptions {
  /** Empty: the loader and the driver's usual places. */
  readonly library: string;
  readonly driverRoots: readonly string[];
}

const maximumGpus = 64;
const libraryKey = "nvml";
const patience = {
  openMilliseconds: 8000,
  checkMilliseconds: 50,
  askMilliseconds: 400,
  describeMilliseconds: 3000,
  attachMilliseconds: 3000,
  againMilliseconds: 100,
  releaseMilliseconds: 2000,
} as const;
/** How long a release holds: time for a driver to be exchanged. */
const releasedMilliseconds = 60_000;

export function createNvmlSession(context: SourceContext, options: NvmlOptions): NvmlSession {
  const { probes, env, gpus: directory } = context;
  const { clock } = env;
  let opened: Extract<OpenAnswer, { state: "open" }> | null = null;
  let devices: NvmlDevice[] = [];
  let version = 0;
  let shape = "";
  let count = 0;
  let everOpened = false;
  let releasedUntil = Number.NEGATIVE_INFINITY;
  /** Rounds of the two groups come one after the other. */
  let turn: Promise<unknown> = Promise.resolve();

  function ask<Answer>(call: string, key: string, argument: unknown, time: number) {
    return probes.gpu.ask(call, key, argument, time) as Promise<Answer>;
  }

  async function open(): Promise<string | null> {
    if (opened) return null;
    if (clock.monotonic() < releasedUntil)
      throw new WarpwatchError("DRIVER_REFUSED", "the GPUs were released for their driver");
    const answer = await ask<OpenAnswer>(
      "nvml.open",
      libraryKey,
      options,
      patience.openMilliseconds,
    );
    if (answer.state === "absent") return answer.reason;
    if (answer.state === "down") throw new WarpwatchError("DRIVER_REFUSED", answer.reason);
    if (answer.count === 0 && devices.length === 0) return "the driver lists no GPU";
    opened = answer;
    await attachAll();
    await describeAll();
    everOpened = true;
    return null;
  }

  /** All at once, each on a thread of its own; one that hangs is left to itself. */
  async function attachAll(): Promise<void> {
    if (!opened) return;
    count = Math.min(opened.count, maximumGpus);
    for (const device of devices) device.isListed = false;
    const attaching = Array.from({ length: count }, async (_, index) => {
      const key = `gpu${index}`;
      // One that comes late is described with the next round.
      admit(index, await ask<AttachAnswer>("nvml.attach", key, index, patience.attachMilliseconds));
    });
    const wait = everOpened ? patience.againMilliseconds : patience.attachMilliseconds;
    await Promise.race([Promise.allSettled(attaching), pause(wait)]);
    const busy = busyKeys();
    for (const device of devices)
      if (!device.isListed)
        device.state = busy.has(`gpu${device.identity.index}`) ? "silent" : "lost";
  }

  function busyKeys(): Set<string> {
    return new Set(probes.gpu.inFlight().map(({ key }) => key));
  }

  function pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void clock.after(milliseconds, resolve));
  }

  function admit(index: number, { code, uuid, pciBusId }: AttachAnswer): void {
    if (code !== 0 || uuid === "") return;
    const driverVersion = opened?.driverVersion ?? "";
    const known = devices.find(({ identity }) => identity.uuid === uuid);
    const model = known?.identity.model ?? "";
    const identity = { node: env.node, index, uuid, pciBusId, model, driverVersion };
    if (known) {
      known.identity = identity;
      known.isListed = true;
      known.isDescribed = false;
      known.state = "new";
      return;
    }
    // Another GPU in the place of one that is gone: that one was exchanged and is missed no more.
    devices = devices.filter((device) => pciBusId === "" || device.identity.pciBusId !== pciBusId);
    if (devices.length >= maximumGpus) return;
    const device: NvmlDevice = {
      identity,
      description: null,
      isDescribed: false,
      isListed: true,
      state: "new",
      values: { fast: null, steady: null },
      processes: null,
    };
    devices = [...devices, device].toSorted((a, b) => a.identity.index - b.identity.index);
  }

  async function describeAll(): Promise<void> {
    for (const device of devices)
      if (!device.isDescribed && (device.state === "new" || device.state === "up"))
        await describe(device);
    const now = shapeOf(devices);
    if (now === shape) return;
    shape = now;
    version += 1;
    directory.tell(
      "nvml",
      devices.map(({ identity }) => identity),
      devices.flatMap(instancesOf),
    );
  }

  async function describe(device: NvmlDevice): Promise<void> {
    const { uuid } = device.identity;
    const answer = await askDevice<DescribeAnswer>(
      device,
      "nvml.describe",
      uuid,
      patience.describeMilliseconds,
    );
    if (!answer) return;
    device.state = stateOf(answer.code);
    if (answer.code !== 0) return;
    device.description = answer;
    device.isDescribed = true;
    device.identity = { ...device.identity, model: answer.name };
    device.values.fast = device.values.steady = null;
  }

  /** Null when it doesn't answer: its key stays outstanding, and it is silent until the answer comes. */
  async function askDevice<Answer>(
    device: NvmlDevice,
    call: string,
    argument: unknown,
    time: number,
  ): Promise<Answer | null> {
    try {
      return await ask<Answer>(call, device.identity.uuid, argument, time);
    } catch (thrown) {
      if (!(thrown instanceof WarpwatchError)) throw thrown;
      device.state = "silent";
      return null;
    }
  }

  async function round(group: ReadingGroup): Promise<void> {
    if (!opened) {
      const reason = await open();
      if (reason !== null) throw new WarpwatchError("DRIVER_REFUSED", reason);
    }
    try {
      await look();
      await describeAll();
      for (const device of devices)
        // A GPU that holds the probe's loop holds up the others: they are asked again in the next round.
        if (device.state === "up" && !(await read(device, group))) break;
      if (group === "steady") for (const device of devices) await list(device);
    } catch (thrown) {
      // The child is gone, and with it every handle.
      opened = null;
      throw thrown;
    }
  }

  /** Which GPUs answer now. A library that was closed under us is opened again. */
  async function look(): Promise<void> {
    const busy = busyKeys();
    const asked = devices.filter((device) => mayBeAsked(device, busy));
    const answer = await ask<CheckAnswer>(
      "nvml.check",
      libraryKey,
      {
        uuids: asked.map(({ identity }) => identity.uuid),
        patienceMilliseconds: patience.checkMilliseconds,
      },
      patience.askMilliseconds + patience.checkMilliseconds,
    );
    if (!answer.isOpen || answer.codes.some((code) => outcomeOf(code) === "closed")) {
      opened = null;
      await open();
      return;
    }
    asked.forEach((device, index) => judge(device, answer.codes[index] ?? silent));
    if (Number.isNaN(answer.count) || answer.count === count || !opened) return;
    opened = { ...opened, count: answer.count };
    await attachAll();
  }

  function mayBeAsked(device: NvmlDevice, busy: ReadonlySet<string>): boolean {
    const { uuid } = device.identity;
    if (directory.quarantineOf(uuid) !== undefined) device.state = "quarantined";
    else if (device.state === "quarantined") device.state = "up";
    if (busy.has(uuid)) device.state = "silent";
    return device.state !== "quarantined" && !busy.has(uuid);
  }

  function judge(device: NvmlDevice, code: number): void {
    if (code === silent) {
      device.state = "silent";
      // Outstanding until the test comes back, which is what shows how long it has been.
      const { uuid } = device.identity;
      void ask("nvml.wait", uuid, uuid, patience.askMilliseconds).catch(() => undefined);
    } else if (!device.isListed) device.state = "lost";
    else if (device.state !== "new") device.state = stateOf(code);
  }

  /** False when it doesn't answer. */
  async function read(device: NvmlDevice, group: ReadingGroup): Promise<boolean> {
    const argument = { uuid: device.identity.uuid, group };
    const answer = await askDevice<ReadAnswer>(
      device,
      "nvml.read",
      argument,
      patience.askMilliseconds,
    );
    if (!answer) return false;
    device.state = stateOf(answer.code);
    if (answer.changed) device.isDescribed = false;
    device.values[group] =
      answer.code === 0 ? { column: answer.column, takenAt: clock.monotonic() } : null;
    return true;
  }

  async function list(device: NvmlDevice): Promise<void> {
    if (device.state !== "up") return;
    const { uuid } = device.identity;
    const time = patience.askMilliseconds;
    const answer = await askDevice<ProcessesAnswer>(device, "nvml.processes", uuid, time);
    device.processes = answer?.code === 0 ? answer.processes : null;
  }

  /** After what is under way, whether it went well or not. */
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = turn.then(work, work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  return {
    get devices() {
      return devices;
    },
    get version() {
      return version;
    },
    open: () => inTurn(open),
    round: (group) => inTurn(() => round(group)),
    async events() {
      if (!opened) return [];
      return ask<NvmlEvent[]>("nvml.events", "nvml-events", null, patience.askMilliseconds);
    },
    release() {
      releasedUntil = clock.monotonic() + releasedMilliseconds;
      opened = null;
      return ask<boolean>("nvml.release", "nvml-release", null, patience.releaseMilliseconds);
    },
  };
}

function stateOf(code: number): NvmlState {
  const outcome = outcomeOf(code);
  return outcome === "lost" || outcome === "reset" ? "lost" : "up";
}

/** What the registered series hang on. */
function shapeOf(devices: readonly NvmlDevice[]): string {
  return JSON.stringify(devices.map(({ identity, description }) => [identity, description]));
}

function instancesOf({ identity, description }: NvmlDevice) {
  return (description?.instances ?? []).map(({ uuid, gpuInstance }) => ({
    uuid,
    parentUuid: identity.uuid,
    gpuInstance: String(gpuInstance),
  }));
}
