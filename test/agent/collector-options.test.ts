import { expect, test } from "vitest";
import { chooseCollectors } from "../../agent/collector-flags.ts";
import { createHostSources } from "../../agent/sources/host/all.ts";
import { smallServer } from "../hosts/small-server.ts";
import { drive } from "./sources/host/drive.ts";

const optionsOf = (flags: Record<string, unknown>) => chooseCollectors(flags).options;

/** Values that a label of a source has on the small server. */
async function told(flags: Record<string, unknown>, source: string, label: string) {
  const found = createHostSources(optionsOf(flags)).find(({ name }) => name === source);
  if (!found) throw new Error(`there is no source ${source}`);
  const driven = await drive(found, smallServer());
  const samples = [...(await driven.read()).keys()];
  const values = samples.flatMap((name) => {
    const value = new RegExp(`[{,]${label}="([^"]*)"`).exec(name)?.[1];
    return value === undefined ? [] : [value];
  });
  return [...new Set(values)].toSorted();
}

test("of what an include flag names nothing else is told, and of what an exclude flag names all else", async () => {
  const all = await told({}, "netdev", "device");
  expect(all).toEqual(expect.arrayContaining(["lo", "eth0"]));
  expect(await told({ "collector.netdev.device-include": "^lo$" }, "netdev", "device")).toEqual([
    "lo",
  ]);
  expect(await told({ "collector.netdev.device-exclude": "^lo$" }, "netdev", "device")).toEqual(
    all.filter((name) => name !== "lo"),
  );
});

test("an include flag puts the default of its exclude flag aside, and an empty exclude flag too", async () => {
  const all = await told({ "collector.diskstats.device-exclude": "" }, "diskstats", "device");
  const usual = await told({}, "diskstats", "device");
  const partition = all.find((name) => !usual.includes(name)) ?? "";
  expect(partition).not.toBe("");
  const only = { "collector.diskstats.device-include": `^${partition}$` };
  expect(await told(only, "diskstats", "device")).toEqual([partition]);
});

test("filesystems are chosen by mount point and by type", async () => {
  const point = { "collector.filesystem.mount-points-include": "^/$" };
  expect(await told(point, "filesystem", "mountpoint")).toEqual(["/"]);
  const types = await told({}, "filesystem", "fstype");
  const first = types[0] ?? "";
  const rest = { "collector.filesystem.fs-types-exclude": `^${first}$` };
  expect(await told(rest, "filesystem", "fstype")).not.toContain(first);
});

test("two flags of which only one may be given are a mistake", () => {
  expect(() =>
    optionsOf({
      "collector.hwmon.chip-include": "a",
      "collector.hwmon.chip-exclude": "b",
    }),
  ).toThrow(
    "--collector.hwmon.chip-include: --collector.hwmon.chip-exclude is given too, and only one of them may be",
  );
});

test("units of systemd are matched whole, and must match the one pattern and not the other", () => {
  const { systemd } = optionsOf({
    "collector.systemd.unit-include": "ssh|docker.*|data.mount",
  });
  expect(["ssh", "sshd", "docker.service", "data.mount"].filter(systemd.keepsUnit)).toEqual([
    "ssh",
    "docker.service",
  ]);
});

test("a pattern that ignores case does so for whole names too", () => {
  const { systemd } = optionsOf({ "collector.systemd.unit-include": "(?i)DOCKER|ssh" });
  expect(["docker", "ssh", "docker.service"].filter(systemd.keepsUnit)).toEqual(["docker", "ssh"]);
});

test("features of processors are chosen by name, and asking for them asks for the models too", () => {
  expect(optionsOf({}).cpu).toMatchObject({ info: false, keepsFlag: null, keepsBug: null });
  const { cpu } = optionsOf({ "collector.cpu.info.flags-include": "^avx" });
  expect(cpu.info).toBe(true);
  expect(["avx2", "sse"].filter(cpu.keepsFlag ?? (() => true))).toEqual(["avx2"]);
});

test("a pattern that isn't one is told with the flag's name", () => {
  expect(() => optionsOf({ "collector.vmstat.fields": "(" })).toThrow(
    '--collector.vmstat.fields: "(" is not a regular expression: unterminated group',
  );
  expect(() => optionsOf({ "collector.netdev.device-include": ["a", "b"] })).toThrow(
    "--collector.netdev.device-include: needs one value",
  );
});
