/** `--compat.node-exporter` beside the original: an unchanged scrape configuration finds the same series there. */
import { spawnSync } from "node:child_process";
import { describe, expect, it, onTestFinished } from "vitest";
import { workstation } from "../hosts/workstation.ts";
import { writeHost } from "../hosts/tree.ts";
import { differences } from "../agent/sources/host/parity-differences.ts";
import { makeFolder } from "../kit/folder.ts";
import { findNodeExporter, startNodeExporter } from "../kit/node-exporter.ts";
import { freePort, hasProgram, startWarpwatch, untilAnswered } from "../kit/programs.ts";
import { startPrometheus } from "../kit/prometheus.ts";

async function startAgent(flags: readonly string[] = []): Promise<string> {
  const own = `127.0.0.1:${await freePort()}`;
  const compat = `127.0.0.1:${await freePort()}`;
  const agent = startWarpwatch([
    "agent",
    `--web.listen-address=${own}`,
    `--compat.node-exporter=${compat}`,
    `--state.folder=${makeFolder()}`,
    ...flags,
  ]);
  onTestFinished(() => void agent.stop());
  await untilAnswered(`http://${own}/-/ready`, agent);
  return compat;
}

async function page(url: string, accept = ""): Promise<string> {
  const headers: Record<string, string> = accept === "" ? {} : { Accept: accept };
  return (await fetch(url, { headers })).text();
}

function familiesOf(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] ?? "");
}

/** Names with their labels in alphabetical order, empty ones left out. */
function seriesOf(text: string): Set<string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Set(
    lines.map((line) => {
      const series = line.slice(0, line.lastIndexOf(" "));
      const [name = "", labels = ""] = series.split(/\{(.*)\}$/s);
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
        .filter(([, , value]) => value !== "")
        .map(([, label, value]) => `${label}="${value}"`);
      const extra = differences.find((entry) => entry.labels?.[name])?.labels?.[name];
      const kept = pairs.filter((pair) => !pair.startsWith(`${extra}=`)).sort();
      return kept.length === 0 ? name : `${name}{${kept.join(",")}}`;
    }),
  );
}

const openMetrics = "application/openmetrics-text;version=1.0.0";

describe("the agent under node_exporter's address", () => {
  it("serves node_exporter's families and nothing of its own, in both formats", async () => {
    const address = await startAgent();
    for (const accept of ["", openMetrics]) {
      const text = await page(`http://${address}/metrics`, accept);
      const families = familiesOf(text);
      expect(families.filter((name) => !/^(node_|process_)/.test(name))).toEqual([]);
      expect(new Set(families).size).toBe(families.length);
      expect(text).toMatch(/^node_scrape_collector_success\{collector="cpu"\} 1$/m);
      expect(text).toMatch(/^node_exporter_build_info\{branch="warpwatch",.*\} 1$/m);
      expect(text).toMatch(/^process_resident_memory_bytes \d/m);
      expect(text.endsWith("# EOF\n")).toBe(accept !== "");
    }
  });

  it("takes collect[] and exclude[] as node_exporter does", async () => {
    const address = await startAgent();
    const chosen = familiesOf(
      await page(`http://${address}/metrics?collect[]=loadavg&collect[]=uname`),
    ).filter((name) => !/^(process_|node_scrape_|node_exporter_)/.test(name));
    expect(chosen.toSorted()).toEqual([
      "node_load1",
      "node_load15",
      "node_load5",
      "node_uname_info",
    ]);
    const without = await page(`http://${address}/metrics?exclude[]=loadavg`);
    expect(without).not.toMatch(/^node_load1 /m);
    expect(without).not.toContain('node_scrape_collector_success{collector="loadavg"}');
    expect(without).toMatch(/^node_memory_MemTotal_bytes /m);
    for (const query of ["collect[]=nothing", "collect[]=cpu&exclude[]=cpu", "collect[]=zoneinfo"])
      expect((await fetch(`http://${address}/metrics?${query}`)).status).toBe(400);
    expect(await page(`http://${address}/`)).toContain('href="/metrics"');
  });

  it("many selections share a few pages' memory and answer all the same", async () => {
    const address = await startAgent();
    for (const name of "arp cpu cpufreq diskstats dmi edac entropy filefd filesystem hwmon loadavg meminfo netclass netdev netstat os pressure stat time vmstat".split(
      " ",
    ))
      expect(await page(`http://${address}/metrics?collect[]=${name}`)).toContain(
        `node_scrape_collector_duration_seconds{collector="${name}"}`,
      );
    expect(await page(`http://${address}/metrics`)).toMatch(/^node_load1 /m);
  });
});

describe.skipIf(!hasProgram("prometheus") || findNodeExporter() === null)(
  "Prometheus with node_exporter's scrape configuration",
  () => {
    it("finds the series that node_exporter has, and those alone", async () => {
      const { procfs, sysfs, rootfs } = writeHost(makeFolder(), workstation());
      const address = await startAgent([
        `--path.procfs=${procfs}`,
        `--path.sysfs=${sysfs}`,
        `--path.rootfs=${rootfs}`,
      ]);
      const exporter = await startNodeExporter(findNodeExporter() ?? "", { procfs, sysfs, rootfs });
      onTestFinished(() => void exporter.program.stop());
      // Mount points are asked by a process of its own, which may start later than the first page is asked for.
      await expect
        .poll(() => page(`http://${address}/metrics`), { timeout: 15_000 })
        .toMatch(/^node_filesystem_size_bytes/m);
      const ours = await page(`http://${address}/metrics`);
      const check = spawnSync("promtool", ["check", "metrics"], { input: ours, encoding: "utf8" });
      expect([0, 3], check.stderr).toContain(check.status);

      const found = seriesOf(ours);
      const wanted = seriesOf(await page(exporter.url));
      const isExpected = (name: string, side: "Ours" | "Theirs"): boolean =>
        differences.some(
          (entry) =>
            entry[`sometimes${side}`]?.test(name) === true ||
            (entry[`only${side}`] !== undefined && name.startsWith(entry[`only${side}`] ?? "-")),
        );
      const isAboutItself = /^(process_|promhttp_|node_exporter_build_info|node_scrape_)/;
      const only = (one: Set<string>, other: Set<string>, side: "Ours" | "Theirs"): string[] =>
        [...one].filter(
          (name) => !other.has(name) && !isAboutItself.test(name) && !isExpected(name, side),
        );
      expect(only(found, wanted, "Ours")).toEqual([]);
      expect(only(wanted, found, "Theirs")).toEqual([]);

      const prometheus = await startPrometheus(makeFolder(), address);
      onTestFinished(() => void prometheus.program.stop());
      await expect.poll(() => prometheus.query("up{job='warpwatch'}"), { timeout: 15_000 }).toBe(1);
      expect(await prometheus.query("node_memory_MemTotal_bytes")).toBe(65_705_620 * 1024);
      expect(await prometheus.query("sum(node_scrape_collector_success)")).toBeGreaterThan(20);
    });
  },
);
