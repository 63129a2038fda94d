/** The agent's conversation with NVML in the `gpu` probe: which GPUs there are, how each is, and its latest values. */
import { WarpwatchError } from "../../../core/kit/errors.ts";
import {
  silent,
  type AttachAnswer,
  type CheckAnswer,
  type DescribeAnswer,
  type NvmlEvent,
  type OpenAnswer,
  type ProcessesAnswer,
  type ReadAnswer,
} from "../../probes/nvml/messages.ts";
import type { ReadingGroup } from "../../probes/nvml/readings.ts";
import { outcomeOf } from "../../probes/nvml/return-codes.ts";
import type { SourceContext } from "../source.ts";
import {
  createNvmlRoster,
  instancesOf,
  maximumGpus,
  shapeOf,
  stateOf,
  usesOf,
  type NvmlDevice,
} from "./nvml-roster.ts";
import { readBoundGpus } from "./bound-gpus.ts";

export interface NvmlSession {
  /** Those seen since the agent started, but those whose place another has taken. */
  readonly devices: readonly NvmlDevice[];
  /** Rises when the devices, or what can be read of them, are no longer the same. */
  readonly version: number;
  /** Opens the library unless it is open. Returns why there is nothing to open; throws when it can't be. */
  open(): Promise<string | null>;
  /** Reads every GPU that answers. Throws when none can be asked. */
  round(group: ReadingGroup): Promise<void>;
  /** What the driver reported up to the last round and nobody has taken. */
  takeEvents(): readonly NvmlEvent[];
  /** Frees every handle, so that a driver can be unloaded; nothing is opened again for a while. */
  release(): Promise<boolean>;
}

export interface NvmlOptions {
  /** Empty: the loader and the driver's usual places. */
  readonly library: string;
  readonly driverRoots: readonly string[];
  /** How long a release holds: time for a driver to be exchanged. */
  readonly holdMilliseconds?: number;
}

/** Not taken yet; of more than this the newest are kept. */
const maximumEvents = 256;
const libraryKey = "nvml";
const patience = {
  openMilliseconds: 8000,
  checkMilliseconds: 50,
  askMilliseconds: 400,
  describeMilliseconds: 3000,
  attachMilliseconds: 3000,
  againMilliseconds: 100,
  releaseMilliseconds: 2000,
  readMilliseconds: 300,
  testMilliseconds: 300,
} as const;
const unread: ReadAnswer = { code: 1, column: new Float64Array(0), changed: false };

const defaultHoldMilliseconds = 60_000;

export function createNvmlSession(context: SourceContext, options: NvmlOptions): NvmlSession {
  const { probes, env, gpus: directory } = context;
  const { clock } = env;
  let opened: Extract<OpenAnswer, { state: "open" }> | null = null;
  const roster = createNvmlRoster(env.node);
  let version = 0;
  let shape = "";
  /** Nobody looked at the shape since something was described. */
  let mayHaveChanged = true;
  /** A call held the probe's loop, and which GPU's it was isn't known: each has to answer everything on a thread first. */
  let isSuspicious = false;
  let batches = 0;
  let events: NvmlEvent[] = [];
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
      { library: options.library, driverRoots: options.driverRoots },
      patience.openMilliseconds,
    );
    if (answer.state === "absent") return answer.reason;
    if (answer.state === "down") throw new WarpwatchError("DRIVER_REFUSED", answer.reason);
    if (answer.count === 0 && roster.devices.length === 0) return "the driver lists no GPU";
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
    for (const device of roster.devices) device.isListed = false;
    mayHaveChanged = true;
    const { driverVersion } = opened;
    const lostIndexes: number[] = [];
    const attaching = Array.from({ length: count }, async (_, index) => {
      const key = `gpu${index}`;
      // One that comes late is described with the next round.
      const time = patience.attachMilliseconds;
      const answer = await ask<AttachAnswer>("nvml.attach", key, index, time);
      if (stateOf(answer.code) === "lost") lostIndexes.push(index);
      roster.admit(index, answer, driverVersion);
    });
    const wait = everOpened ? patience.againMilliseconds : patience.attachMilliseconds;
    await Promise.race([Promise.allSettled(attaching), pause(wait)]);
    if (lostIndexes.length > 0) missBound(lostIndexes, driverVersion);
    const busy = busyKeys();
    for (const device of roster.devices)
      if (!device.isListed)
        device.state = busy.has(`gpu${device.identity.index}`) ? "silent" : "lost";
  }

  /** NVML doesn't say who a lost GPU is; the kernel's module does, in the order of the addresses as well. */
  function missBound(lostIndexes: readonly number[], driverVersion: string): void {
    const listed = new Set(
      roster.devices.flatMap(({ identity, isListed }) => (isListed ? [identity.pciBusId] : [])),
    );
    const missing = readBoundGpus(env.paths.procfs).filter(
      ({ pciBusId }) => !listed.has(pciBusId.toUpperCase()),
    );
    const indexes = lostIndexes.toSorted((one, other) => one - other);
    // Others may be hidden from this process: only as many as the driver calls lost are missed.
    if (missing.length !== indexes.length) return;
    missing.forEach((bound, place) => roster.miss(indexes[place] ?? -1, bound, driverVersion));
  }

  function busyKeys(): Set<string> {
    return new Set(probes.gpu.inFlight().map(({ key }) => key));
  }

  function pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void clock.after(milliseconds, resolve));
  }

  async function describeAll(): Promise<void> {
    if (isSuspicious) await testAll();
    const { devices } = roster;
    for (const device of devices)
      if (!device.isDescribed && (device.state === "new" || device.state === "up"))
        await describe(device);
    if (!mayHaveChanged) return;
    mayHaveChanged = false;
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

  /** Every call that describing and reading make, on threads: the GPU that hangs in one stays outstanding by its own key. */
  async function testAll(): Promise<void> {
    const tests = roster.devices
      .filter(({ state }) => state === "new" || state === "up")
      .map(async (device) => {
        const { uuid } = device.identity;
        const code = await askDevice<number>(device, "nvml.test", uuid, patience.testMilliseconds);
        if (code !== null && outcomeOf(code) !== "ok") device.state = stateOf(code);
      });
    await Promise.all(tests);
    isSuspicious = false;
  }

  async function describe(device: NvmlDevice): Promise<void> {
    const { uuid } = device.identity;
    mayHaveChanged = true;
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
      await read(group);
      if (group === "steady") {
        await listAll();
        await attachMissed();
      }
    } catch (thrown) {
      // The child is gone or holds still, and with it every handle.
      opened = null;
      isSuspicious = true;
      throw thrown;
    }
  }

  /** Which GPUs answer now. A library that was closed under us is opened again. */
  async function look(): Promise<void> {
    const busy = busyKeys();
    const asked = roster.devices.filter((device) => mayBeAsked(device, busy));
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
    events = [...events, ...answer.events].slice(-maximumEvents);
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

  /** All in one call: a call costs more than what it reads. */
  async function read(group: ReadingGroup): Promise<void> {
    const asked = roster.devices.filter(({ state, isDescribed }) => state === "up" && isDescribed);
    const uuids = asked.map(({ identity }) => identity.uuid);
    // A key of its own each time: that of a read which hangs stays outstanding.
    const key = `nvml-read-${batches}`;
    batches += 1;
    const answers = await ask<ReadAnswer[]>(
      "nvml.read",
      key,
      { uuids, group },
      patience.readMilliseconds,
    );
    const takenAt = clock.monotonic();
    asked.forEach((device, index) => {
      const { code, column, changed } = answers[index] ?? unread;
      device.state = stateOf(code);
      if (changed) device.isDescribed = false;
      device.values[group] = code === 0 ? { column, takenAt } : null;
    });
  }

  /** A GPU that was lost before it was ever seen may have been reset meanwhile. */
  async function attachMissed(): Promise<void> {
    const taken = new Set(
      roster.devices.flatMap(({ identity, isListed }) => (isListed ? [identity.index] : [])),
    );
    for (const { identity, isListed } of roster.devices) {
      const { index } = identity;
      if (isListed || taken.has(index) || index >= count || !opened) continue;
      const time = patience.askMilliseconds;
      const asking = ask<AttachAnswer>("nvml.attach", `gpu${index}`, index, time);
      const answer = await asking.catch(() => null);
      if (answer?.code !== 0) continue;
      roster.admit(index, answer, opened.driverVersion);
      mayHaveChanged = true;
    }
  }

  async function listAll(): Promise<void> {
    for (const device of roster.devices) await list(device);
    const known = roster.devices.filter(({ state, processes }) => state === "up" && processes);
    directory.tellProcesses(
      "nvml",
      new Map(known.map((device) => [device.identity.uuid, usesOf(device)])),
    );
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
      return roster.devices;
    },
    get version() {
      return version;
    },
    open: () => inTurn(open),
    round: (group) => inTurn(() => round(group)),
    takeEvents() {
      const taken = events;
      events = [];
      return taken;
    },
    release() {
      releasedUntil = clock.monotonic() + (options.holdMilliseconds ?? defaultHoldMilliseconds);
      opened = null;
      directory.tellProcesses("nvml", null);
      // Nobody resets a GPU that a process holds: it is released to be reset, and may be asked again afterwards.
      for (const { identity } of roster.devices) directory.release(identity.uuid);
      return ask<boolean>("nvml.release", "nvml-release", null, patience.releaseMilliseconds);
    },
  };
}
