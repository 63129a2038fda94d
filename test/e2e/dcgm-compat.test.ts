/** `--compat.dcgm-exporter` on stand-in GPUs: dcgm-exporter's names, types and labels for a scrape configuration that can't change. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startFakeKubelet } from "../agent/attribution/fake-kubelet.ts";
import { dcgmExporterCounters } from "../kit/dcgm-exporter-counters.ts";
import { makeFolder } from "../kit/folder.ts";
import { startGpuAgent, type GpuAgent } from "../kit/gpu-agent.ts";
import { hasProgram } from "../kit/programs.ts";
import { startPrometheus } from "../kit/prometheus.ts";
import { repositoryRoot } from "../kit/sources.ts";
import { uuidOf, type ProfileName } from "../standins/nvml-profiles.ts";

type Labels = Readonly<Record<string, string>>;

interface Page {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly { name: string; labels: Labels; value: number }[];
}

/** Hopper has what profiling needs, Turing what only older chips have. */
const fleet: readonly ProfileName[] = ["h100", "t4"];
const commonLabels = [
  "gpu",
  "UUID",
  "pci_bus_id",
  "device",
  "modelName",
  "Hostname",
  "DCGM_FI_DRIVER_VERSION",
];

async function start(flags: readonly string[] = []): Promise<GpuAgent> {
  const agent = await startGpuAgent(makeFolder(), fleet, { flags });
  onTestFinished(() => void agent.program.stop());
  return agent;
}

async function textOf(address: string): Promise<string> {
  return (await fetch(`http://${address}/metrics`)).text();
}

/** The page once a profiling sample, which takes two rounds, is there. */
async function settledPage(address: string): Promise<Page> {
  await expect.poll(() => textOf(address), { timeout: 15_000 }).toMatch(/^DCGM_FI_PROF_GR_/m);
  return parse(await textOf(address));
}

function parse(text: string): Page {
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].map(([, name = "", type = ""]) => [name, type]),
  );
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const samples = lines.map((line) => {
    const [, name = "", pairs = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const labels = Object.fromEntries(
      [...pairs.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [
        key,
        text,
      ]),
    );
    return { name, labels, value: Number(value) };
  });
  return { types, samples };
}

/** Names in the first column of the tables of what is left out. */
function namesLeftOut(): string[] {
  const page = readFileSync(join(repositoryRoot, "docs/dcgm-exporter.md"), "utf8");
  const [, leftOut = ""] = page.split("## Lines of its counters file that are left out");
  const rows = leftOut.split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`(DCGM_\w+)`/g)].map(([, name = ""]) => name),
  );
}

describe("the agent under dcgm-exporter's address", () => {
  it("has every counter that is on in dcgm-exporter under its type, and all the others but those the page names", async () => {
    const agent = await start();
    const { types } = await settledPage(agent.compatAddress);
    const counters = dcgmExporterCounters.filter(({ type }) => type !== "label");
    const missing = counters.filter(({ name }) => !types.has(name));
    expect(missing.filter(({ isOn }) => isOn)).toEqual([]);
    const labels = dcgmExporterCounters.filter(({ type, isOn }) => type === "label" && !isOn);
    expect([...missing, ...labels].map(({ name }) => name).toSorted()).toEqual(
      namesLeftOut().toSorted(),
    );
    // Two lines that are off name again, as counters, what is on as gauges.
    const types26 = new Map(counters.filter(({ isOn }) => isOn).map((one) => [one.name, one.type]));
    for (const { name, type } of counters)
      if (types.has(name))
        expect(`${name} ${types.get(name)}`).toBe(`${name} ${types26.get(name) ?? type}`);

    const whole = parse(await textOf(agent.address));
    for (const [name, type] of types) expect(whole.types.get(name)).toBe(type);
  });

  it("gives each series dcgm-exporter's labels, and nothing but its families", async () => {
    const agent = await start();
    const { types, samples } = await settledPage(agent.compatAddress);
    expect([...types.keys()].filter((name) => !name.startsWith("DCGM_"))).toEqual([]);
    for (const { name, labels } of samples) {
      const extra = name === "DCGM_FI_DEV_XID_ERRORS" ? ["err_code", "err_msg"] : [];
      expect(Object.keys(labels).toSorted()).toEqual([...commonLabels, ...extra].toSorted());
      expect(labels["device"]).toBe(`nvidia${labels["gpu"]}`);
    }
    const power = samples.find(
      ({ name, labels }) => name === "DCGM_FI_DEV_POWER_USAGE" && labels["gpu"] === "0",
    );
    expect(power).toMatchObject({
      value: 560,
      labels: {
        UUID: uuidOf(0),
        modelName: "NVIDIA H100 80GB HBM3",
        pci_bus_id: "00000000:1B:00.0",
      },
    });
  });

  it("answers as dcgm-exporter does: one format, a health page, a page that points to the metrics", async () => {
    const agent = await start();
    await settledPage(agent.compatAddress);
    const response = await fetch(`http://${agent.compatAddress}/metrics`, {
      headers: { Accept: "application/openmetrics-text;version=1.0.0" },
    });
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    const text = await response.text();
    expect(text).toMatch(/^# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter$/m);
    expect(text).not.toContain("# EOF");
    expect((await fetch(`http://${agent.compatAddress}/health`)).status).toBe(200);
    const landing = await (await fetch(`http://${agent.compatAddress}/`)).text();
    expect(landing).toContain('href="/metrics"');
    expect((await fetch(`http://${agent.compatAddress}/-/ready`)).status).toBe(404);
  });

  it("tells MIG instances apart as dcgm-exporter does", async () => {
    const agent = await start(["--sampling.steady-period=1s"]);
    agent.control.split(0, ["1g.10gb", "2g.20gb"]);
    await expect
      .poll(() => textOf(agent.compatAddress), { timeout: 25_000 })
      .toMatch(/^DCGM_FI_DEV_FB_USED\{.*GPU_I_PROFILE="2g\.20gb",GPU_I_ID="8"/m);
  });

  it("names pod, namespace, container and job, and drops a pod that has gone", async () => {
    const folder = makeFolder();
    const socket = join(folder, "kubelet.sock");
    const jobs = join(folder, "jobs");
    mkdirSync(jobs);
    writeFileSync(join(jobs, "1"), "4711\n");
    const kubelet = await startFakeKubelet(socket);
    onTestFinished(() => kubelet.close());
    kubelet.pods = [
      {
        namespace: "research",
        name: "train-0",
        container: "main",
        devices: [{ resource: "nvidia.com/gpu", ids: [uuidOf(0)] }],
      },
    ];
    const agent = await start([
      `--collector.attribution.kubelet-socket=${socket}`,
      `--collector.attribution.job-folder=${jobs}`,
      "--sampling.steady-period=1s",
    ]);
    const labelled =
      /^DCGM_FI_DEV_GPU_UTIL\{gpu="0",.*pod="train-0",namespace="research",container="main"/m;
    await expect.poll(() => textOf(agent.compatAddress), { timeout: 15_000 }).toMatch(labelled);
    const ofJob = /^DCGM_FI_DEV_GPU_UTIL\{gpu="1",.*hpc_job="4711"/m;
    await expect.poll(() => textOf(agent.compatAddress), { timeout: 15_000 }).toMatch(ofJob);
    kubelet.pods = [];
    await expect
      .poll(() => textOf(agent.compatAddress), { timeout: 15_000 })
      .not.toContain("train-0");
  });
});

describe.skipIf(!hasProgram("prometheus") || !hasProgram("promtool"))(
  "Prometheus with dcgm-exporter's scrape configuration",
  () => {
    it("reads the page, and finds counters and gauges to compute with", async () => {
      const agent = await start();
      await settledPage(agent.compatAddress);
      const input = await textOf(agent.compatAddress);
      const check = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
      expect([0, 3], check.stderr).toContain(check.status);
      const prometheus = await startPrometheus(makeFolder(), agent.compatAddress);
      onTestFinished(() => void prometheus.program.stop());
      await expect.poll(() => prometheus.query("up{job='warpwatch'}"), { timeout: 15_000 }).toBe(1);
      // On a busy machine a GPU's answer may miss a scrape.
      const eventually = (query: string) =>
        expect.poll(() => prometheus.query(query), { timeout: 15_000 });
      await eventually('DCGM_FI_DEV_SM_CLOCK{gpu="0"} * 1000000').toBe(1_980_000_000);
      await eventually("count(DCGM_FI_DEV_GPU_TEMP)").toBe(fleet.length);
      await expect
        .poll(
          () => prometheus.query('rate(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0"}[10s])/1000'),
          { timeout: 15_000 },
        )
        .toBeCloseTo(560, -1);
    });
  },
);
