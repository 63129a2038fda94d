import { createServer } from "node:net";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { chooseCollectors } from "../../../../agent/collector-flags.ts";
import { gpuStackSource } from "../../../../agent/sources/host/gpu-stack.ts";
import { logindSource } from "../../../../agent/sources/host/logind.ts";
import type { Source } from "../../../../agent/sources/source.ts";
import { createSystemdSource } from "../../../../agent/sources/host/systemd.ts";
import { hasBus, startBus } from "../../../kit/bus.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { freePort, startProgram, untilAnswered } from "../../../kit/programs.ts";
import { repositoryRoot } from "../../../kit/sources.ts";
import { makeSystemd, playLogind, playSystemd, unitRow } from "../../../kit/systemd.ts";
import { makeHostContext, readRound } from "./context.ts";

const withFlags = (flags: Record<string, unknown> = {}): Source =>
  createSystemdSource(chooseCollectors(flags).options.systemd);

const contextOf = (socketPath: string) =>
  makeHostContext({ variables: { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${socketPath}` } });

async function openOn(source: Source, socketPath: string) {
  const reader = await source.open(contextOf(socketPath), new AbortController().signal);
  if ("absent" in reader) throw new Error(reader.absent);
  onTestFinished(() => reader.close());
  return reader;
}

async function samplesFrom(source: Source, socketPath: string) {
  return readRound(await openOn(source, socketPath));
}

describe.skipIf(!hasBus)("on a real bus", () => {
  test("tells the units that the patterns keep, with timers, sockets and the whole", async () => {
    const bus = await startBus();
    await playSystemd(bus, makeSystemd());
    const samples = await samplesFrom(withFlags(), bus.socketPath);
    const state = (name: string, of: string, type: string): number | undefined =>
      samples.get(`node_systemd_unit_state{name="${name}",state="${of}",type="${type}"}`);
    expect(state("sshd.service", "active", "notify")).toBe(1);
    expect(state("sshd.service", "failed", "notify")).toBe(0);
    expect(state("docker.service", "failed", "notify")).toBe(1);
    expect(state("backup.timer", "active", "")).toBe(1);
    expect(Object.fromEntries([...samples].filter(([name]) => !/unit_state/.test(name)))).toEqual({
      'node_systemd_version{version="252.38-1~deb12u1"}': 252.38,
      'node_systemd_virtualization_info{virtualization_type="none"}': 1,
      node_systemd_system_running: 0,
      'node_systemd_units{state="active"}': 4,
      'node_systemd_units{state="activating"}': 0,
      'node_systemd_units{state="deactivating"}': 0,
      'node_systemd_units{state="failed"}': 1,
      'node_systemd_units{state="inactive"}': 1,
      'node_systemd_timer_last_trigger_seconds{name="backup.timer"}': 1_700_000_001,
      'node_systemd_socket_accepted_connections_total{name="docker.socket"}': 5,
      'node_systemd_socket_current_connections{name="docker.socket"}': 2,
      'node_systemd_socket_refused_connections_total{name="docker.socket"}': 1,
    });
    expect([...samples.keys()].filter((name) => /data\.mount|gone\.service/.test(name))).toEqual(
      [],
    );
  });

  test("tells restarts, tasks and start times when asked for, and no limit as none", async () => {
    const bus = await startBus();
    await playSystemd(bus, makeSystemd());
    const flags = {
      "collector.systemd.enable-restarts-metrics": true,
      "collector.systemd.enable-task-metrics": true,
      "collector.systemd.enable-start-time-metrics": true,
      "collector.systemd.unit-include": ".*\\.service",
    };
    const samples = await samplesFrom(withFlags(flags), bus.socketPath);
    const extra = [...samples].filter(([name]) => /restart|tasks|start_time/.test(name));
    expect(Object.fromEntries(extra)).toEqual({
      'node_systemd_service_restart_total{name="sshd.service"}': 3,
      'node_systemd_service_restart_total{name="docker.service"}': 12,
      'node_systemd_unit_tasks_current{name="sshd.service"}': 7,
      'node_systemd_unit_start_time_seconds{name="sshd.service"}': 1_700_000_000.5,
      'node_systemd_unit_start_time_seconds{name="docker.service"}': 0,
    });
  });

  test("a unit that comes or goes changes the series, and a state only a value", async () => {
    const bus = await startBus();
    const standIn = makeSystemd();
    await playSystemd(bus, standIn);
    const reader = await openOn(withFlags(), bus.socketPath);
    const before = await readRound(reader);
    standIn.rows = standIn.rows.with(0, unitRow("sshd.service", "failed"));
    const column = new Float64Array(before.size).fill(Number.NaN);
    const signal = new AbortController().signal;
    expect(await reader.read(column, signal)).toBe(undefined);
    standIn.rows = [...standIn.rows, unitRow("new.service", "active")];
    expect(await reader.read(column, signal)).toBe("changed");
    const after = await readRound(reader);
    expect(
      after.get('node_systemd_unit_state{name="sshd.service",state="failed",type="notify"}'),
    ).toBe(1);
    expect(after.get('node_systemd_unit_state{name="new.service",state="active",type=""}')).toBe(1);
  });

  test("sessions are counted by seat, kind and whether they come from afar", async () => {
    const bus = await startBus();
    await playLogind(bus);
    const samples = await samplesFrom(logindSource, bus.socketPath);
    expect(samples.size).toBe(2 * 2 * 7 * 5);
    expect(Object.fromEntries([...samples].filter(([, value]) => value > 0))).toEqual({
      'node_logind_sessions{class="user",remote="false",seat="seat0",type="tty"}': 1,
      'node_logind_sessions{class="user",remote="true",seat="",type="tty"}': 2,
      'node_logind_sessions{class="other",remote="true",seat="",type="other"}': 1,
    });
  });

  test("of the GPU stack the services that are installed are told, with their restarts", async () => {
    const bus = await startBus();
    const standIn = makeSystemd();
    standIn.rows.push(unitRow("nvidia-fabricmanager.service", "inactive", "not-found"));
    await playSystemd(bus, standIn);
    const samples = await samplesFrom(gpuStackSource, bus.socketPath);
    expect(Object.fromEntries([...samples].filter(([, value]) => value > 0))).toEqual({
      'warpwatch_service_state{service="docker",state="failed"}': 1,
      'warpwatch_service_restarts_total{service="docker"}': 12,
    });
    expect(samples.size).toBe(6);
  });

  test("is absent where none of the services is installed", async () => {
    const bus = await startBus();
    await playSystemd(bus, { ...makeSystemd(), rows: [] });
    const outcome = await gpuStackSource.open(
      contextOf(bus.socketPath),
      new AbortController().signal,
    );
    expect(outcome).toHaveProperty(
      "absent",
      expect.stringMatching(/no unit of nvidia-persistenced, /),
    );
  });

  test("is absent on a bus without systemd, and says which name is missing", async () => {
    const { socketPath } = await startBus();
    for (const source of [withFlags(), logindSource, gpuStackSource])
      expect(await source.open(contextOf(socketPath), new AbortController().signal)).toHaveProperty(
        "absent",
        expect.stringMatching(/^org\.freedesktop\.\w+ isn't on the system bus/),
      );
  });

  test("where systemd stops answering the round fails in time, and the next one works again", async () => {
    const bus = await startBus();
    const standIn = makeSystemd();
    await playSystemd(bus, standIn);
    const reader = await openOn(withFlags(), bus.socketPath);
    const { size } = await readRound(reader);
    standIn.isSilent = true;
    const column = new Float64Array(size);
    const startedAt = performance.now();
    await expect(reader.read(column, AbortSignal.timeout(100))).rejects.toThrow(/given up/);
    expect(performance.now() - startedAt).toBeLessThan(1000);
    standIn.isSilent = false;
    expect((await readRound(reader)).size).toBe(size);
  });
});

test("a bus that never says a word makes the source down in time", async () => {
  const path = join(makeFolder(), "socket");
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  await expect(async () =>
    withFlags().open(contextOf(path), AbortSignal.timeout(100)),
  ).rejects.toThrow(/given up/);
});

test("an agent on a bus that never says a word serves everything else, and ends when it is asked to", async () => {
  const path = join(makeFolder(), "socket");
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  const port = await freePort();
  const program = startProgram(
    process.execPath,
    [
      join(repositoryRoot, "bin/warpwatch.js"),
      "agent",
      `--web.listen-address=127.0.0.1:${port}`,
      `--state.folder=${makeFolder()}`,
      "--collector.disable-defaults",
      "--collector.loadavg",
      "--collector.systemd",
      "--collector.logind",
    ],
    { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${path}` },
  );
  onTestFinished(async () => void (await program.stop()));
  const url = `http://127.0.0.1:${port}/metrics`;
  await untilAnswered(url, program);
  const page = await (await fetch(url)).text();
  expect(page).toMatch(/^node_load1 /m);
  expect(page).toContain('warpwatch_source_up{source="systemd"} 0');
  expect(page).toContain('warpwatch_source_up{source="logind"} 0');
  expect(program.output()).toContain("the bus doesn't answer within 2000 ms");
  expect(await program.stop()).toBe(0);
});

test("is absent where there is no bus", async () => {
  const rootfs = makeFolder();
  mkdirSync(join(rootfs, "run"));
  const context = makeHostContext({ variables: {}, paths: { procfs: "", sysfs: "", rootfs } });
  expect(await logindSource.open(context, new AbortController().signal)).toHaveProperty(
    "absent",
    `no system bus is at ${rootfs}/run/dbus/system_bus_socket`,
  );
});
