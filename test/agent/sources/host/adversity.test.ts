/**
 * Every kind of file that the fake hosts have, broken in every way of test/hosts/faults.ts in turn, before the agent
 * looks and while it looks: what the file isn't part of is served as before, and what is served can be read.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { hostSources } from "../../../../agent/sources/host/all.ts";
import type { HostPaths } from "../../../../core/kit/env.ts";
import { asNobody, faults, type Fault } from "../../../hosts/faults.ts";
import { gpuServer } from "../../../hosts/gpu-server.ts";
import { forbiddenPaths, maskedContainer } from "../../../hosts/masked-container.ts";
import { oddNames } from "../../../hosts/odd-names.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { isLink, writeHost, type HostTree } from "../../../hosts/tree.ts";
import { virtualMachine } from "../../../hosts/virtual-machine.ts";
import { workstation } from "../../../hosts/workstation.ts";
import { makeFolder, makeSharedFolder } from "../../../kit/folder.ts";
import { startHostRounds, type HostView } from "../../../kit/host-rounds.ts";
import { hasProgram } from "../../../kit/programs.ts";
import { createRandom } from "../../../kit/random.ts";
import { readersOf } from "./readers-of.ts";

/** Other seeds break other files in other ways: `FAULT_SEED=7 npm test -- test/agent/sources/host/adversity.test.ts`. */
const seed = Number(process.env["FAULT_SEED"] ?? 1);
/** Of processor time, for the rounds over all sources that see the fault. */
const caseMilliseconds = 2000;
/** A reader that failed five times is opened anew. */
const mendingRounds = 6;

const hosts: readonly (readonly [string, HostTree])[] = [
  ["a small server", smallServer()],
  ["a workstation", workstation()],
  ["a virtual machine", virtualMachine()],
  ["a masked container", maskedContainer()],
  ["odd names", oddNames()],
  [
    "a GPU server",
    firstOfEach(gpuServer({ processors: 2, drives: 2, ports: 2, pods: 1, interrupts: 5 })),
  ],
];

/** A large host without most of what it has more than two of. */
function firstOfEach(tree: HostTree): HostTree {
  const further = /(mc|temp|hwmon)([3-9]|\d\d)/;
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !further.test(path)));
}

interface Case {
  readonly path: string;
  readonly fault: Fault;
  readonly while: "before" | "meanwhile";
}

/** Of files that differ in their device only (cpu0 and cpu1, eth0 and lo) the first host's first is broken. */
function planCases(): Map<string, Case[]> {
  const random = createRandom(seed);
  const seen = new Set<string>();
  const plan = new Map<string, Case[]>();
  let turn = random.below(faults.length);
  for (const [name, tree] of hosts) {
    const cases: Case[] = [];
    plan.set(name, cases);
    for (const [path, content] of Object.entries(tree)) {
      const shape = path.replace(/(?<=^sys\/class\/\w+\/)[^/]+/, "0").replaceAll(/\d+/g, "0");
      if (content === null || isLink(content) || seen.has(shape) || readers(path).size === 0)
        continue;
      seen.add(shape);
      // Files of /proc have lines and columns that can break in more ways than a single value can.
      const end = turn + (path.startsWith("proc/") ? 3 : 1);
      for (; turn < end; turn += 1) {
        const fault = faults[turn % faults.length];
        const pass = (turn % faults.length) + Math.floor(turn / faults.length);
        if (fault) cases.push({ path, fault, while: pass % 2 === 0 ? "before" : "meanwhile" });
      }
    }
  }
  return plan;
}

const plan = planCases();
/** Every line that any case served, for one look by promtool at the end. */
const served = new Map<string, Set<string>>();

test("there are 300 cases and more, and every fault is among them at both moments", () => {
  const cases = [...plan.values()].flat();
  expect(cases.length).toBeGreaterThanOrEqual(300);
  const met = new Set(cases.map((one) => `${one.fault.name} ${one.while}`));
  expect(met.size).toBe(2 * faults.length);
});

describe.each(hosts)("on %s", (name, tree) => {
  let root: string;
  let paths: HostPaths;
  let sound: HostView;
  let soundSamples: object;
  let descriptorsBefore: number;
  const sources = hostSources.filter(({ name: source }) => readersOf.has(source));

  beforeAll(async () => {
    descriptorsBefore = openDescriptors();
    root = makeSharedFolder();
    // Nobody may look in as well.
    chmodSync(root, 0o755);
    paths = writeHost(root, tree);
    const rounds = startHostRounds(sources, paths);
    sound = await rounds.round();
    soundSamples = samplesOf(sound);
    rounds.close();
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test.each(
    (plan.get(name) ?? []).map((one) => ({ ...one, title: `${one.path} ${one.fault.name}` })),
  )("$title, $while", async ({ path, fault, while: moment }) => {
    const full = join(root, path);
    const content = readFileSync(full);
    const random = createRandom(seed + path.length);
    const rounds = startHostRounds(sources, paths);
    onTestFinished(() => rounds.close());
    if (moment === "meanwhile") await rounds.round();
    try {
      fault.apply(full, content, random);
      const began = process.cpuUsage();
      // A second later what was listed before is read; much later it is listed and opened anew.
      for (const later of moment === "before" ? [undefined] : [1000, undefined]) {
        const broken = await asNobody(() => rounds.round(later));
        expectOthersUntouched(broken, sound, path);
        expectReadable(broken);
        collect(broken.page);
      }
      const { user, system } = process.cpuUsage(began);
      expect((user + system) / 1000).toBeLessThan(caseMilliseconds);
    } finally {
      mend(full, content);
    }
    if (moment === "before") return;
    let mended = samplesOf(await rounds.round());
    for (let more = 0; more < mendingRounds && !isDeepStrictEqual(mended, soundSamples); more += 1)
      mended = samplesOf(await rounds.round());
    expect(mended).toEqual(soundSamples);
  });

  test("descriptors aren't left open", () => {
    // What the test's own machinery opens meanwhile.
    expect(openDescriptors()).toBeLessThan(descriptorsBefore + 10);
  });
});

test("what only the host's root may read is missing in a container, and nothing else", async () => {
  const root = makeFolder();
  chmodSync(root, 0o755);
  const paths = writeHost(root, maskedContainer());
  const sources = hostSources.filter(({ name }) => readersOf.has(name));
  const views: HostView[] = [];
  for (const forbidden of [[], forbiddenPaths]) {
    for (const path of forbidden) chmodSync(join(root, path), 0);
    const rounds = startHostRounds(sources, paths);
    onTestFinished(() => rounds.close());
    views.push(await asNobody(() => rounds.round()));
  }
  const [open, shut] = views.map(({ page }) => new Set(page.split("\n").filter(isOfHost)));
  const missing = [...(open ?? [])].filter((line) => !shut?.has(line));
  const names = missing.map((line) => /^\w+/.exec(line)?.[0] ?? "");
  expect(names.toSorted()).toEqual([
    "node_hwmon_temp_celsius",
    "node_rapl_package_joules_total",
    "node_schedstat_running_seconds_total",
    "node_schedstat_timeslices_total",
    "node_schedstat_waiting_seconds_total",
  ]);
});

test.skipIf(!hasProgram("promtool"))("promtool reads all that was served", () => {
  const page = [...served].map(([header, lines]) => [header, ...lines].join("\n")).join("\n");
  const verdict = spawnSync("promtool", ["check", "metrics"], {
    input: `${page}\n`,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  expect([0, 3], `${verdict.error?.message ?? ""}${verdict.stderr}`.slice(0, 2000)).toContain(
    verdict.status,
  );
});

function isOfHost(line: string): boolean {
  return line.startsWith("node_") && isStill(line);
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** A file that still is one keeps its inode, as kernel files do. */
function mend(path: string, content: Buffer): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) chmodSync(path, 0o644);
  else rmSync(path, { recursive: true, force: true });
  writeFileSync(path, content);
}

/** Space left on the disk that the fake hosts lie on is everybody's, and time goes on. */
function isStill(name: string): boolean {
  return !/^node_(filesystem_(avail|free|files_free)|time_seconds)/.test(name);
}

function samplesOf(view: HostView, leaveOut: ReadonlySet<string> = new Set()): object {
  return Object.fromEntries(
    [...view.sources]
      .filter(([source]) => !leaveOut.has(source))
      .map(([source, { state, samples }]) => [
        source,
        { state, samples: Object.fromEntries([...samples].filter(([name]) => isStill(name))) },
      ]),
  );
}

function readers(path: string): ReadonlySet<string> {
  const reading = [...readersOf].filter(([, pattern]) => pattern.test(path));
  return new Set(reading.map(([source]) => source));
}

function expectOthersUntouched(broken: HostView, sound: HostView, path: string): void {
  const own = readers(path);
  expect(samplesOf(broken, own)).toEqual(samplesOf(sound, own));
}

/** Numbers that a kernel could mean, a reason where there are none, and no counter below zero. */
function expectReadable({ sources, page }: HostView): void {
  for (const [source, { state, reason }] of sources)
    if (state !== "up") expect(reason, source).not.toBe("");
  const counters = new Set([...page.matchAll(/^# TYPE (\S+) counter$/gm)].map((match) => match[1]));
  for (const line of page.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const value = line.slice(line.lastIndexOf(" ") + 1);
    expect(Number.isFinite(Number(value)), line).toBe(true);
    if (counters.has(line.split(/[{ ]/, 1)[0])) expect(value.startsWith("-"), line).toBe(false);
  }
}

function collect(page: string): void {
  for (const family of page.split(/^(?=# HELP )/m)) {
    const [help = "", type = "", ...lines] = family.trimEnd().split("\n");
    if (help.startsWith("# HELP warpwatch_")) continue;
    const header = `${help}\n${type}`;
    const known = served.get(header) ?? new Set();
    served.set(header, known);
    const named = new Set([...known].map(withoutValue));
    for (const line of lines) if (!named.has(withoutValue(line))) known.add(line);
  }
}

function withoutValue(line: string): string {
  return line.slice(0, line.lastIndexOf(" "));
}
