import { chmodSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { examine } from "../../../cli/doctor/all.ts";
import type { Patient, Report } from "../../../cli/doctor/check.ts";
import { createEnv } from "../../../core/kit/env.ts";
import { linkTo, writeHost, type HostTree } from "../../hosts/tree.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { secretHash } from "../../kit/passwords.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { freePort, startWarpwatch, untilAnswered } from "../../kit/programs.ts";

const soundHost: HostTree = {
  "proc/stat": "cpu 1 2 3 4\n",
  "proc/meminfo": "MemTotal: 1 kB\n",
  "proc/loadavg": "0 0 0 1/1 1\n",
  "proc/diskstats": "",
  "proc/net/dev": "",
  "proc/net/tcp": "  sl  local_address rem_address   st\n",
  "proc/self/mountinfo": "",
  "proc/self/limits":
    "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n",
  "proc/pressure/cpu": "some avg10=0.00\n",
  "sys/class": null,
  "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
  "dev/kmsg": "",
  "run/systemd/timesync/synchronized": "",
};

interface Setting {
  readonly tree?: HostTree;
  readonly smi?: string;
  readonly nowMilliseconds?: number;
  readonly patient?: Partial<Patient>;
}

async function examineHost(setting: Setting = {}): Promise<(name: string) => Report> {
  const paths = writeHost(makeFolder(), { ...soundHost, ...setting.tree });
  const clock = createFakeClock(setting.nowMilliseconds ?? Date.UTC(2026, 10, 22));
  const programs = makeFolder();
  if (setting.smi !== undefined) {
    writeFileSync(join(programs, "nvidia-smi"), `#!/bin/sh\n${setting.smi}\n`, { mode: 0o755 });
  }
  const real = createEnv();
  const env = createEnv({
    paths,
    clock,
    node: "n1",
    spawn: (command, args, options) => real.spawn(join(programs, command), args, options),
  });
  const closed = { host: "127.0.0.1", port: await freePort() };
  const reports = await examine({
    env,
    paths,
    stateFolder: makeFolder(),
    agent: closed,
    collector: closed,
    ...setting.patient,
  });
  return (name) => {
    const found = reports.find((report) => report.name === name);
    if (!found) throw new Error(`no check is called ${name}`);
    return found;
  };
}

const gpuOnBus: HostTree = {
  "sys/bus/pci/devices/0000:1b:00.0/vendor": "0x10de\n",
  "sys/bus/pci/devices/0000:1b:00.0/class": "0x030200\n",
  "sys/bus/pci/devices/0000:1b:00.1/vendor": "0x10de\n",
  "sys/bus/pci/devices/0000:1b:00.1/class": "0x040300\n",
};
const driver: HostTree = {
  "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.124.06  Wed\n",
};

describe("the doctor", () => {
  it("finds a sound host well and says of a process that isn't there that it is unknown", async () => {
    const of = await examineHost();
    for (const name of ["kernel files", "pressure", "kernel log", "GPUs", "clock", "open files"])
      expect([name, of(name).verdict, of(name).found]).toEqual([name, "ok", expect.any(String)]);
    for (const name of ["state folder", "ports", "other exporters"])
      expect([name, of(name).verdict]).toEqual([name, "ok"]);
    for (const name of ["agent", "collector"]) expect(of(name).verdict).toBe("unknown");
    expect(of("open files").found).toBe("up to 1024, raised to 524288 at the start");
  });

  it("gives a remedy with whatever isn't well", async () => {
    const of = await examineHost({
      tree: { "proc/pressure/cpu": null, "proc/self/limits": "Max open files 256 256 files\n" },
      nowMilliseconds: 86_400_000,
    });
    expect(of("clock")).toMatchObject({
      verdict: "fail",
      found: "it says 1970-01-02T00:00:00.000Z, which can't be",
    });
    expect(of("open files")).toMatchObject({ verdict: "warn", found: "only 256 are allowed" });
    for (const name of ["clock", "open files", "agent", "collector"])
      expect(of(name).remedy).not.toBe("");
  });

  it("names the kernel files that can't be read, and says where a slow clock comes from", async () => {
    const paths = writeHost(makeFolder(), {
      "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
    });
    const of = await examineHost({ patient: { paths } });
    expect(of("kernel files")).toMatchObject({
      verdict: "fail",
      found: expect.stringMatching(/proc\/stat \(ENOENT\), .*sys\/class \(ENOENT\)/),
    });
    expect(of("pressure").remedy).toContain("psi=1");
    expect(of("kernel log").verdict).toBe("warn");
    expect(of("clock").found).toContain("hpet");
    expect(of("open files").verdict, "not known is not well").toBe("unknown");
  });

  it("tells a GPU without driver, a driver whose nvidia-smi fails or is missing, and one that is well", async () => {
    const without = await examineHost({ tree: gpuOnBus });
    expect(without("GPUs")).toMatchObject({
      verdict: "fail",
      found: expect.stringContaining("1 NVIDIA GPU is on the bus, and the driver isn't loaded"),
    });
    const missing = await examineHost({ tree: { ...gpuOnBus, ...driver } });
    expect(missing("GPUs").found).toContain("driver 570.124.06, and nvidia-smi isn't installed");
    const failing = await examineHost({
      tree: { ...gpuOnBus, ...driver },
      smi: "echo 'Unable to determine the device handle: GPU is lost'; exit 15",
    });
    expect(failing("GPUs").found).toContain("fails: Unable to determine the device handle");
    const well = await examineHost({ tree: { ...gpuOnBus, ...driver }, smi: "echo 'NVIDIA H200'" });
    expect(well("GPUs")).toMatchObject({
      verdict: "ok",
      found: "1 × NVIDIA H200, driver 570.124.06",
    });
    const lost = await examineHost({ tree: { ...gpuOnBus, ...driver }, smi: "exit 0" });
    expect(lost("GPUs")).toMatchObject({
      verdict: "warn",
      remedy: expect.stringContaining("XID 79"),
    });
  });

  it("refuses a state folder that others can look into", async () => {
    const stateFolder = makeFolder();
    chmodSync(stateFolder, 0o755);
    const of = await examineHost({ patient: { stateFolder } });
    expect(of("state folder")).toMatchObject({
      verdict: "fail",
      remedy: expect.stringContaining("chmod 700"),
    });
    const later = await examineHost({ patient: { stateFolder: join(makeFolder(), "a/b") } });
    expect(later("state folder").found).toContain("made at the first start");
  });

  it("says who has a port, and which other exporter runs", async () => {
    const server = createServer((_request, response) => response.end("somebody else"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const tcp = (number: number): string =>
      `   0: 0100007F:${number.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A 0:0 0:0 0 1000 0 4242 1\n`;
    const of = await examineHost({
      tree: {
        "proc/net/tcp": `header\n${tcp(port)}${tcp(9100)}`,
        "proc/77/comm": "node_exporter\n",
        "proc/77/fd/3": linkTo("socket:[4242]"),
      },
      patient: { agent: { host: "127.0.0.1", port } },
    });
    expect(of("ports")).toMatchObject({
      verdict: "fail",
      found: `127.0.0.1:${port}, the agent's, is taken by node_exporter, process 77`,
    });
    expect(of("other exporters")).toMatchObject({
      verdict: "warn",
      found: expect.stringContaining(":9100 (node_exporter, process 77"),
    });
  });

  it("asks a running agent and collector how they are", async () => {
    const stateFolder = makeFolder();
    const [metrics, api] = [await freePort(), await freePort()];
    const file = join(makeFolder(), "collector.yaml");
    const gone = await freePort();
    writeFileSync(
      file,
      `scrape:\n  - { job: gone, interval: 1s, targets: ["127.0.0.1:${gone}"] }\n`,
    );
    const program = startWarpwatch([
      "up",
      "--synthetic",
      `--config.file=${file}`,
      `--agent.listen-address=127.0.0.1:${metrics}`,
      `--collector.listen-address=127.0.0.1:${api}`,
      `--state.folder=${stateFolder}`,
    ]);
    onTestFinished(() => void program.stop());
    await untilAnswered(`http://127.0.0.1:${api}/-/ready`, program);
    await untilAnswered(`http://127.0.0.1:${metrics}/-/ready`, program);
    const patient = {
      stateFolder,
      agent: { host: "127.0.0.1", port: metrics },
      collector: { host: "127.0.0.1", port: api },
    };
    await expect
      .poll(async () => (await examineHost({ patient }))("collector").found, { timeout: 10_000 })
      .toMatch(/^1 of 1 targets are down: http:.*ECONNREFUSED/);
    const of = await examineHost({ patient });
    expect(of("agent")).toMatchObject({
      verdict: "ok",
      found: expect.stringContaining("2 sources are up"),
    });
    expect(of("ports").found).toBe(`${metrics} is our agent's, ${api} is our collector's`);
  });

  it("says by which way a running agent reads GPUs, and why not by the others", async () => {
    const stateFolder = makeFolder();
    const port = await freePort();
    const bare = writeHost(makeFolder(), soundHost);
    const program = startWarpwatch([
      "agent",
      `--web.listen-address=127.0.0.1:${port}`,
      `--state.folder=${stateFolder}`,
      `--path.procfs=${bare.procfs}`,
      `--path.sysfs=${bare.sysfs}`,
      `--path.rootfs=${bare.rootfs}`,
    ]);
    onTestFinished(() => void program.stop());
    await untilAnswered(`http://127.0.0.1:${port}/-/ready`, program);
    const sources = async (): Promise<Report> =>
      (await examineHost({ patient: { stateFolder } }))("GPU sources");
    await expect
      .poll(async () => (await sources()).found, { timeout: 10_000 })
      .toMatch(
        /^nvml is absent \(the NVIDIA driver isn't loaded.*; nvidia_smi is absent \(nvidia-smi isn't installed/,
      );
    expect((await sources()).verdict).toBe("ok");
  });

  it("asks an agent behind TLS and passwords, and says of one that wants a certificate that it can't", async () => {
    const stateFolder = makeFolder();
    const authority = makeAuthority(makeFolder());
    authority.issue("127.0.0.1", { file: "server" });
    const file = join(authority.folder, "web.yml");
    const tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    const users = `basic_auth_users: { prometheus: ${secretHash} }\n`;
    const port = await freePort();
    const start = async (content: string) => {
      writeFileSync(file, content);
      const program = startWarpwatch([
        "agent",
        `--web.listen-address=127.0.0.1:${port}`,
        `--state.folder=${stateFolder}`,
        `--web.config.file=${file}`,
      ]);
      onTestFinished(() => void program.stop());
      const said = expect.poll(() => program.output(), { timeout: 20_000 });
      await said.toContain("the agent serves metrics");
      return program;
    };
    const patient = { stateFolder, agent: { host: "127.0.0.1", port } };
    const open = await start(tls + users);
    await expect
      .poll(async () => (await examineHost({ patient }))("agent").found, { timeout: 20_000 })
      .toMatch(/^its samples are fresh; \d+ sources are up/);
    const of = await examineHost({ patient });
    expect(of("ports").found).toContain(`${port} is our agent's`);
    const stranger = await examineHost({ patient: { ...patient, stateFolder: makeFolder() } });
    expect(stranger("agent").found).toContain("refuses the token of");
    await open.stop();
    await start(
      `${tls}  client_ca_file: authority.crt\n  client_auth_type: RequireAndVerifyClientCert\n`,
    );
    const shut = await examineHost({ patient });
    expect(shut("agent")).toMatchObject({
      verdict: "unknown",
      found: "its port takes callers with a certificate only, and this command has none",
    });
    expect(shut("ports")).toMatchObject({ verdict: "ok", found: expect.stringContaining("can't") });
  });
});
