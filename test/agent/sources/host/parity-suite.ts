/** What host sources tell beside what node_exporter tells on the same host: series, types and values. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Source } from "../../../../agent/sources/source.ts";
import type { Metric, MetricFamily } from "../../../../core/catalog/metric.ts";
import { createSystemClock } from "../../../../core/kit/clock.ts";
import type { HostPaths } from "../../../../core/kit/env.ts";
import {
  findNodeExporter,
  installHint,
  startNodeExporter,
  type NodeExporter,
} from "../../../kit/node-exporter.ts";
import { readHost } from "./drive.ts";
import type { Difference } from "./parity-differences.ts";

interface Page {
  readonly samples: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, string>;
}

export interface ParityOptions {
  /** Name, paths, and whether its files stand still. */
  readonly hosts: readonly (readonly [string, HostPaths, boolean])[];
  readonly sources: readonly Source[];
  readonly differences: readonly Difference[];
  /** What node_exporter is to tell, where that isn't its default families. */
  readonly flags?: readonly string[];
  /** So many series at least are compared on every host. */
  readonly smallest: number;
  /** Series of a real host that come and go between two readings. */
  readonly fleeting?: RegExp;
}

const program = findNodeExporter();
if (program === null)
  console.warn(`\n*** PARITY WITH NODE_EXPORTER IS NOT TESTED: ${installHint}\n`);

export function describeParity(options: ParityOptions): void {
  const { hosts, sources, differences, flags, smallest, fleeting } = options;
  describe.skipIf(program === null).each(hosts)("on %s", (_name, paths, isFake) => {
    let exporter: NodeExporter | null = null;
    let before: Page;
    let ours: Page;
    let after: Page;

    beforeAll(async () => {
      exporter = await startNodeExporter(program ?? "", paths, flags);
      before = await scrape(exporter.url);
      ours = await readOurs(sources, paths, differences);
      after = await scrape(exporter.url);
    });
    afterAll(async () => void (await exporter?.program.stop()));

    const allowed = differences.filter(({ fakeHostOnly }) => isFake || fakeHostOnly !== true);

    test("the series are the same, names and labels", () => {
      const stays = (name: string): boolean => isFake || fleeting?.test(name) !== true;
      const onlyOurs = namesBeyond(ours, after).filter(stays);
      const onlyTheirs = namesBeyond(after, ours).filter(stays);
      expect({
        onlyOurs: onlyOurs.filter(
          (name) =>
            !allowed.some(({ sometimesOurs }) => sometimesOurs?.test(name)) &&
            !covers(allowed, "onlyOurs", name),
        ),
        onlyTheirs: onlyTheirs.filter(
          (name) =>
            !allowed.some(({ sometimesTheirs }) => sometimesTheirs?.test(name)) &&
            !covers(allowed, "onlyTheirs", name),
        ),
      }).toEqual({ onlyOurs: [], onlyTheirs: [] });
      for (const { onlyOurs: ourPrefix, onlyTheirs: theirPrefix } of allowed) {
        if (ourPrefix !== undefined)
          expect(onlyOurs).toContainEqual(expect.stringMatching(`^${ourPrefix}`));
        if (theirPrefix !== undefined)
          expect(onlyTheirs).toContainEqual(expect.stringMatching(`^${theirPrefix}`));
      }
      expect(ours.samples.size).toBeGreaterThanOrEqual(smallest);
    });

    test("the types are the same", () => {
      const expected = new Map<string, string>();
      const found = new Map<string, string>();
      for (const [name, type] of ours.types) {
        const theirs = after.types.get(name);
        if (theirs === undefined) continue;
        const isTyped = theirs === "untyped" && allowed.some(({ typed }) => typed?.test(name));
        found.set(name, type);
        expected.set(name, isTyped ? type : theirs);
      }
      expect(found).toEqual(expected);
    });

    test("the values are the same, as far as time stands still", () => {
      const outside: string[] = [];
      for (const [name, value] of ours.samples) {
        const first = before.samples.get(name);
        const last = after.samples.get(name);
        if (first === undefined || last === undefined) continue;
        if (allowed.some(({ values }) => values?.test(name))) continue;
        const room = isFake && !movesOnFakeHosts(name) ? 0 : roomFor(name, ours);
        if (value < Math.min(first, last) - room || value > Math.max(first, last) + room)
          outside.push(`${name}: ${first} … ${last}, ours ${value}`);
      }
      expect(outside).toEqual([]);
    });
  });
}

function namesBeyond(page: Page, other: Page): string[] {
  return [...page.samples.keys()].filter((name) => !other.samples.has(name));
}

/** A fake host's files stand still, but its mount points lie on a real filesystem, and the clock is the real one. */
function movesOnFakeHosts(name: string): boolean {
  return /^node_(filesystem_(avail|free|files_free)|time_seconds)/.test(name);
}

/** By how much a value may lie outside the two readings around it: what a moment explains, and no more. */
function roomFor(name: string, page: Page): number {
  const total = page.samples.get("node_memory_MemTotal_bytes") ?? 2 ** 33;
  if (/^node_(memory_|zoneinfo_.*(?<!_total)\{)/.test(name)) return total * 0.05;
  if (/^node_(slabinfo_|buddyinfo_)/.test(name)) return 1e5;
  if (/^node_(processes_|cgroups_|sysctl_fs_file_nr)/.test(name)) return 5000;
  if (/^node_filesystem_(avail|free)_bytes/.test(name)) return 2e9;
  if (name.startsWith("node_filesystem_files_free")) return 50_000;
  if (/^node_(procs_|load)/.test(name)) return 50;
  if (name.startsWith("node_disk_io_now")) return 100;
  // What others open and close meanwhile.
  if (/^node_(filefd_allocated|sockstat_|nf_conntrack_entries|netstat_Tcp_CurrEstab)/.test(name))
    return 5000;
  if (/^node_(arp_entries|entropy_available|softnet_backlog)/.test(name)) return 200;
  if (name.startsWith("node_udp_queues")) return 1e6;
  // The kernel lets idle, iowait and steal fall by some ticks; the other counters only rise.
  if (name.startsWith("node_cpu_seconds_total")) return 0.1;
  return name === "node_time_seconds" ? 0.01 : 1e-6;
}

function covers(
  allowed: readonly Difference[],
  side: "onlyOurs" | "onlyTheirs",
  name: string,
): boolean {
  return allowed.some((difference) => {
    const prefix = difference[side];
    return prefix !== undefined && name.startsWith(prefix);
  });
}

async function scrape(url: string): Promise<Page> {
  const text = await (await fetch(url)).text();
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split("\n")) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type?.[1] !== undefined) types.set(type[1], type[2] ?? "");
    const sample = /^([^#].*) (\S+)$/.exec(line);
    const name = withoutEmptyLabels(quoteControls(sample?.[1] ?? ""));
    if (name !== "") samples.set(name, Number(sample?.[2]));
  }
  return { samples, types };
}

async function readOurs(
  sources: readonly Source[],
  paths: HostPaths,
  differences: readonly Difference[],
): Promise<Page> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const source of sources.filter(({ metrics }) => metrics.some(isTheirs)))
    for (const { name, metric, value } of await readHost(source, paths, createSystemClock())) {
      if (!isTheirs(metric)) continue;
      const extra = differences.find(({ labels }) => labels?.[metric.name])?.labels?.[metric.name];
      const known = extra === undefined ? name : withoutLabel(name, extra);
      samples.set(withoutEmptyLabels(known), value);
      types.set(metric.name, metric.kind === "info" ? "gauge" : metric.kind);
    }
  return { samples, types };
}

/** What goes by a name of ours has no counterpart. */
function isTheirs(entry: Metric | MetricFamily): boolean {
  return ("name" in entry ? entry.name : entry.pattern).startsWith("node_");
}

function withoutLabel(name: string, label: string): string {
  expect(name).toMatch(new RegExp(`[{,]${label}="`));
  return name.replace(new RegExp(`([{,])${label}="[^"]*",?`), "$1").replace(",}", "}");
}

/** An empty label is none: what asks for it can't tell the two apart. */
function withoutEmptyLabels(name: string): string {
  return name
    .replaceAll(/(?<=[{,])\w+="",?/g, "")
    .replace(",}", "}")
    .replace("{}", "");
}

/** The page has tabs and the like as they are; our names are quoted as JSON. */
function quoteControls(name: string): string {
  return name.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
