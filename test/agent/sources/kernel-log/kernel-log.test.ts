import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createHolders } from "../../../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../../../agent/gpu-directory.ts";
import { createKernelLogSource } from "../../../../agent/sources/kernel-log/kernel-log.ts";
import type { Reader, SourceContext } from "../../../../agent/sources/source.ts";
import { nowhere } from "../../../../core/catalog/device.ts";
import { createEnv } from "../../../../core/kit/env.ts";
import { createLog } from "../../../../core/kit/log.ts";
import type { EventReport } from "../../../../core/wire/event.ts";
import { createSeriesList } from "../../../../core/wire/slots.ts";
import { labelsOf } from "../../../../core/wire/frame.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { noProbes } from "../../../kit/probes.ts";

/** Unix milliseconds at which the fake machine was started, 1,000 s before the agent. */
const bootMilliseconds = 1_700_000_000_000;
const agentStart = bootMilliseconds + 1_000_000;

const gpu = {
  node: "node-1",
  index: 3,
  uuid: "GPU-3",
  pciBusId: "00000000:9B:00.0",
  model: "NVIDIA H100 80GB HBM3",
  driverVersion: "550.54.15",
};

interface Machine {
  readonly root: string;
  readonly clock: FakeClock;
  readonly context: SourceContext;
  readonly events: EventReport[];
  /** Adds a record, stamped with the clock's time or another. */
  log(text: string, sequence?: number, milliseconds?: number): void;
  /** Brings the uptime file up to the clock. */
  keepUptime(): void;
}

function makeMachine(): Machine {
  const root = makeFolder();
  for (const folder of ["dev", "proc/sys/kernel/random"])
    mkdirSync(join(root, folder), { recursive: true });
  const file = join(root, "dev/kmsg");
  writeFileSync(file, "");
  writeFileSync(join(root, "proc/sys/kernel/random/boot_id"), "boot-1\n");
  const clock = createFakeClock(agentStart);
  const events: EventReport[] = [];
  const paths = { procfs: join(root, "proc"), sysfs: join(root, "sys"), rootfs: root };
  const gpus = createGpuDirectory();
  gpus.tell("test", [gpu]);
  let next = 100;
  const keepUptime = (): void =>
    writeFileSync(join(root, "proc/uptime"), `${(clock.now() - bootMilliseconds) / 1000} 0.0\n`);
  return {
    root,
    clock,
    events,
    context: {
      env: createEnv({ clock, paths }),
      log: createLog({ clock, write: () => undefined }),
      events: { report: (event) => void events.push(event) },
      host: {
        kind: "node",
        id: "node-1",
        node: "node-1",
        name: "node-1",
        model: "",
        place: nowhere,
      },
      probes: noProbes,
      gpus,
      holders: createHolders(),
      stateFolder: "",
    },
    log(text, sequence = next, milliseconds = clock.now()) {
      next = sequence + 1;
      keepUptime();
      const stamp = Math.round((milliseconds - bootMilliseconds) * 1000);
      appendFileSync(file, `3,${sequence},${stamp},-;${text}\n SUBSYSTEM=pci\n`);
    },
    keepUptime,
  };
}

async function open(machine: Machine, stateFolder = ""): Promise<Reader> {
  const { context } = machine;
  const opened = await createKernelLogSource().open(
    { ...context, stateFolder },
    new AbortController().signal,
  );
  if ("absent" in opened) throw new Error(opened.absent);
  onTestFinished(() => opened.close());
  return opened;
}

/** One round as the sampler makes it. */
function read(reader: Reader): Map<string, number> {
  const list = createSeriesList(10_000);
  reader.register(list);
  const column = new Float64Array(list.series.length).fill(Number.NaN);
  if (reader.read(column, new AbortController().signal) === "changed") return read(reader);
  return new Map(
    list.series.map((series, index) => [
      `${series.metric.name}${JSON.stringify(labelsOf(series))}`,
      column[index] ?? Number.NaN,
    ]),
  );
}

function valueOf(samples: Map<string, number>, ...parts: string[]): number | undefined {
  const key = [...samples.keys()].find((each) => parts.every((part) => each.includes(part)));
  return key === undefined ? undefined : samples.get(key);
}

const xid31 = "NVRM: Xid (PCI:0000:9b:00): 31, pid=7, name=python, MMU Fault";

test("an XID becomes an event of its GPU within the next look, and counters that began at zero", async () => {
  const machine = makeMachine();
  const reader = await open(machine);
  expect(valueOf(read(reader), "xid_events_total", "restart_app")).toBe(0);
  expect(valueOf(read(reader), "kernel_events_total", '"xid"', "warning")).toBe(0);
  machine.log(xid31);
  await machine.clock.advance(200);
  expect(machine.events).toMatchObject([{ kind: "xid", device: "GPU-3", text: xid31 }]);
  // The file that stands for the uptime doesn't move with the clock.
  expect((machine.events[0]?.timeMilliseconds ?? 0) - agentStart).toBe(200);
  const samples = read(reader);
  expect(valueOf(samples, "xid_events_total", "restart_app")).toBe(1);
  expect(valueOf(samples, "kernel_events_total", '"xid"', "warning")).toBe(1);
  expect(valueOf(samples, "DCGM_FI_DEV_XID_ERRORS", '"31"')).toBe(31);
  expect(valueOf(samples, "kernel_last_event", '"xid"', "warning")).toBe(agentStart / 1000 + 0.2);
});

test("what was logged before the agent's start is known by its time, and neither counted nor reported", async () => {
  const machine = makeMachine();
  machine.log(xid31, 5, agentStart - 60_000);
  const samples = read(await open(machine));
  expect(machine.events).toEqual([]);
  expect(valueOf(samples, "xid_events_total", "restart_app")).toBe(0);
  expect(valueOf(samples, "xid_last_event", '"31"')).toBeCloseTo(agentStart / 1000 - 60, 3);
});

test("after a restart of the agent only what it hasn't read yet is reported", async () => {
  const machine = makeMachine();
  const first = await open(machine, machine.root);
  machine.log(xid31, 10);
  await machine.clock.advance(200);
  first.close();
  machine.log("INFO: task dd:5 blocked for more than 120 seconds.", 11);
  await machine.clock.advance(60_000);
  machine.keepUptime();
  await open(machine, machine.root);
  expect(machine.events.map(({ kind }) => kind)).toEqual(["xid", "hung_task"]);
});

test("a storm of the same XID is one event at its start and one when it has been silent for 3 minutes", async () => {
  const machine = makeMachine();
  const reader = await open(machine);
  for (let round = 0; round < 50; round += 1) {
    machine.log(xid31);
    await machine.clock.advance(1000);
  }
  expect(machine.events).toHaveLength(1);
  expect(valueOf(read(reader), "xid_events_total", "restart_app")).toBe(50);
  expect(valueOf(read(reader), "repeated_events_total")).toBe(49);
  await machine.clock.advance(180_000);
  expect(machine.events).toHaveLength(2);
  expect(machine.events[1]).toMatchObject({ device: "GPU-3", fields: { count: "50" } });
  expect(machine.events[1]?.text).toMatch(/^50 times in 49 s: NVRM: Xid/);
});

test("records that were written over before they were read are counted", async () => {
  const machine = makeMachine();
  const reader = await open(machine);
  machine.log("usb 1-1: new device", 7);
  machine.log("usb 1-1: new device", 19);
  expect(valueOf(read(reader), "lost_records_total")).toBe(11);
});

test("a GSP time-out quarantines the GPU it is of, and no other", async () => {
  const machine = makeMachine();
  await open(machine);
  machine.log(
    "NVRM: Xid (PCI:0000:9b:00): 119, pid=1, name=x, Timeout after 6s of waiting for RPC",
  );
  await machine.clock.advance(200);
  expect(machine.context.gpus.quarantineOf("GPU-3")).toMatch(/^XID 119: /);
  expect(machine.context.gpus.quarantineOf("GPU-2")).toBeUndefined();
});

test("lines that aren't records, and bytes that aren't text, are passed over", async () => {
  const machine = makeMachine();
  const reader = await open(machine);
  appendFileSync(
    join(machine.root, "dev/kmsg"),
    Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x3b, 0x0a, ...Buffer.from("3,x,-;NVRM\n")]),
  );
  machine.log(String.raw`INFO: task na\x0ame:12 blocked for more than 9 seconds`);
  await machine.clock.advance(200);
  expect(machine.events.map(({ fields }) => fields["process"])).toEqual(["na me"]);
  expect(valueOf(read(reader), "kernel_events_total", "hung_task")).toBe(1);
});

test("is down, with a reason, when the log can't be read any more, and goes on when it can", async () => {
  const machine = makeMachine();
  const reader = await open(machine);
  machine.log(xid31);
  writeFileSync(join(machine.root, "proc/uptime"), "never\n");
  expect(() => read(reader)).toThrow(/uptime/);
  machine.log(xid31);
  expect(valueOf(read(reader), "xid_events_total", "restart_app")).toBe(2);
});

test("says absent where there is no kernel log", async () => {
  const machine = makeMachine();
  const source = createKernelLogSource();
  const paths = { ...machine.context.env.paths, rootfs: join(machine.root, "none") };
  const context = { ...machine.context, env: { ...machine.context.env, paths } };
  const opened = await source.open(context, new AbortController().signal);
  expect("absent" in opened && opened.absent).toContain("kernel-log.md");
});
