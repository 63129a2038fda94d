import { expect, test } from "vitest";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { parseRelease } from "../../../../agent/sources/host/os.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

test("uname gives the kernel's and the host's names, and notices a new host name", async () => {
  const driven = await drive(sourceNamed("uname"), smallServer());
  expect([...(await driven.read())]).toEqual([
    [
      'node_uname_info{domainname="(none)",machine="x86_64",nodename="small-1",release="6.12.9-amd64",sysname="Linux",version="#1 SMP PREEMPT_DYNAMIC Debian 6.12.9-1"}',
      1,
    ],
  ]);
  driven.change({ "proc/sys/kernel/hostname": "renamed\n" });
  expect([...(await driven.read()).keys()][0]).toContain('nodename="renamed"');
  expect(driven.changes).toBe(1);
});

test("os gives the distribution and its version as a number", async () => {
  const samples = await (await drive(sourceNamed("os"), smallServer())).read();
  expect([...samples]).toEqual([
    [
      'node_os_info{build_id="",id="debian",id_like="",image_id="",image_version="",name="Debian GNU/Linux",pretty_name="Debian GNU/Linux 13 (trixie)",variant="",variant_id="",version="13.2 (trixie)",version_codename="trixie",version_id="13.2"}',
      1,
    ],
    ['node_os_version{id="debian",id_like="",name="Debian GNU/Linux"}', 13.2],
  ]);
});

test("os falls back to /usr/lib and gives no version that isn't a number", async () => {
  const samples = await (await drive(sourceNamed("os"), hostileHost())).read();
  expect([...samples.keys()]).toEqual([
    expect.stringContaining(
      'id="we\\"ird",id_like="",image_id="",image_version="",name="Single Quoted"',
    ),
  ]);
});

test("os is absent where no distribution has signed", async () => {
  expect(await openOutcome(sourceNamed("os"), { "proc/stat": "" })).toMatch(/^neither etc\/os-rel/);
});

test("a quoted value loses its quotes and its backslashes, an unquoted one keeps everything", () => {
  expect(parseRelease("A=\"x \\$y \\\\ \\`\"\nexport B='p\\q'\nC=plain\n#D=no\nE=\n")).toEqual({
    A: "x $y \\ `",
    B: "p\\q",
    C: "plain",
    E: "",
  });
});

test("time gives the clock and what keeps it, and notices when the kernel changes that", async () => {
  const driven = await drive(sourceNamed("time"), smallServer());
  const samples = await driven.read();
  expect(samples.get("node_time_seconds")).toBe(1_700_000_001);
  expect([...samples.keys()].slice(1)).toEqual([
    'node_time_clocksource_available_info{clocksource="tsc",device="0"}',
    'node_time_clocksource_available_info{clocksource="hpet",device="0"}',
    'node_time_clocksource_available_info{clocksource="acpi_pm",device="0"}',
    'node_time_clocksource_current_info{clocksource="tsc",device="0"}',
  ]);
  driven.change({
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
  });
  const after = await driven.read();
  expect(after.has('node_time_clocksource_current_info{clocksource="hpet",device="0"}')).toBe(true);
  expect(after.has('node_time_clocksource_current_info{clocksource="tsc",device="0"}')).toBe(false);
});

test("time tells the time where nothing is known of its clock", async () => {
  const samples = await (await drive(sourceNamed("time"), {})).read();
  expect([...samples.keys()]).toEqual(["node_time_seconds"]);
});
