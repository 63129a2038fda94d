/** SATA and SAS drives through a stand-in for smartctl that prints what is in its folder, in the form of smartmontools 7. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createEnv } from "../../../../core/kit/env.ts";
import { createLog } from "../../../../core/kit/log.ts";
import { smartctlSource } from "../../../../agent/sources/host/smartctl.ts";
import type { Reader, SourceContext } from "../../../../agent/sources/source.ts";
import { linkTo, writeHost, type HostTree } from "../../../hosts/tree.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { makeHostContext, readRound } from "./context.ts";

const hour = 3_600_000;

const attribute = (id: number, value: number): object => ({
  id,
  raw: { value, string: String(value) },
});

const sataDisk = {
  device: { name: "/dev/sda", info_name: "/dev/sda [SAT]", type: "sat", protocol: "ATA" },
  model_name: "ST8000NM0055-1RM112",
  serial_number: "ZA1",
  firmware_version: "SN04",
  logical_block_size: 4096,
  smart_status: { passed: false },
  temperature: { current: 34 },
  power_on_time: { hours: 10 },
  power_cycle_count: 3,
  ata_smart_attributes: {
    revision: 10,
    table: [
      attribute(5, 8),
      attribute(187, 2),
      // Three counts of 16 bits: the lowest is that of commands over 5 s.
      attribute(188, 2 ** 32 + 2 ** 16 + 4),
      attribute(192, 6),
      attribute(197, 16),
      attribute(198, 1),
      attribute(199, 5),
    ],
  },
  ata_smart_error_log: { summary: { revision: 1, count: 7 } },
  ata_device_statistics: {
    pages: [
      {
        number: 1,
        table: [
          { offset: 24, value: 1000, flags: { valid: true } },
          { offset: 40, value: 9000, flags: { valid: false } },
        ],
      },
      { number: 7, table: [{ offset: 8, value: 12, flags: { valid: true } }] },
    ],
  },
};

const sasDisk = {
  device: { name: "/dev/bus/0", type: "megaraid,4", protocol: "SCSI" },
  scsi_vendor: "SEAGATE",
  scsi_product: "ST1200MM",
  scsi_revision: "N004",
  serial_number: "S40",
  smart_status: { passed: true },
  temperature: { current: 0 },
  scsi_grown_defect_list: 3,
  scsi_error_counter_log: {
    read: { gigabytes_processed: "1234.500", total_uncorrected_errors: 1 },
    write: { gigabytes_processed: "none", total_uncorrected_errors: 2 },
  },
};

test("tells attributes, statistics and errors of a SATA drive in the words of every drive", async () => {
  const { reader, asked } = await open({ "sda.json": sataDisk }, [["/dev/sda", "scsi"]]);
  expect(shown(await readRound(reader))).toEqual({
    "health_info sda SN04 sata ST8000NM0055-1RM112 ZA1": 1,
    "health_readable sda": 1,
    "health_read_timestamp_seconds sda": expect.any(Number),
    "asleep sda": 0,
    "failing sda": 1,
    "temperature_celsius sda composite": 34,
    "power_on_seconds_total sda": 36_000,
    "power_cycles_total sda": 3,
    "bad_sectors sda reallocated": 8,
    "bad_sectors sda pending": 16,
    "bad_sectors sda uncorrectable": 1,
    "command_timeouts_total sda": 4,
    "link_errors_total sda": 5,
    "unsafe_shutdowns_total sda": 6,
    "error_log_entries_total sda": 7,
    "endurance_used_ratio sda": 0.12,
    "written_bytes_total sda": 4_096_000,
    "media_errors_total sda": 2,
  });
  // The kernel says that it is an ATA drive: smartctl needn't try, which might wake it up.
  expect(asked()).toEqual([
    "--json=c --scan",
    "--json=c --scan",
    "--json=c --nocheck=standby,3 --info --health --attributes --log=error --log=devstat --device=sat /dev/sda",
  ]);
});

test("tells a SAS drive behind a RAID controller, by the controller's number for it", async () => {
  const { reader } = await open({ "0.json": sasDisk }, [["/dev/bus/0", "megaraid,4"]]);
  const name = "bus/0:megaraid,4";
  expect(shown(await readRound(reader))).toEqual({
    [`health_info ${name} N004 sas SEAGATE ST1200MM S40`]: 1,
    [`health_readable ${name}`]: 1,
    [`health_read_timestamp_seconds ${name}`]: expect.any(Number),
    [`asleep ${name}`]: 0,
    [`failing ${name}`]: 0,
    [`bad_sectors ${name} reallocated`]: 3,
    [`read_bytes_total ${name}`]: 1_234_500_000_000,
    [`media_errors_total ${name}`]: 3,
  });
});

test("takes exit codes about the drive for what they are, and those about the program for failures", async () => {
  // Bits 3, 6 and 7: it fails, and has errors in its logs.
  const { reader } = await open(
    {
      "sda.json": sataDisk,
      "sda.code": 0b1100_1000,
      "sdb.json": message("No such device"),
      "sdb.code": 2,
    },
    [
      ["/dev/sda", "sat"],
      ["/dev/sdb", "sat"],
    ],
  );
  const samples = shown(await readRound(reader));
  expect(samples["failing sda"]).toBe(1);
  expect(samples["health_readable sdb"]).toBe(0);
  expect(Object.keys(samples).filter((name) => name.includes("sdb"))).toHaveLength(1);
});

test("leaves a drive asleep and says so", async () => {
  const { reader } = await open(
    { "sda.json": message("Device is in STANDBY mode"), "sda.code": 3 },
    [["/dev/sda", "sat"]],
  );
  expect(shown(await readRound(reader))).toEqual({
    "asleep sda": 1,
    "health_readable sda": 1,
    "health_read_timestamp_seconds sda": expect.any(Number),
  });
});

test("asks once an hour, one drive after the other", async () => {
  const { reader, clock, asked } = await open({ "sda.json": sataDisk, "sdb.json": sataDisk }, [
    ["/dev/sda", "sat"],
    ["/dev/sdb", "sat"],
  ]);
  await readRound(reader);
  await clock.advance(hour - 1);
  await readRound(reader);
  expect(asked()).toHaveLength(4);
  await clock.advance(1);
  await readRound(reader);
  expect(asked()).toHaveLength(7);
});

test.each<[string, string]>([
  ["nothing", ""],
  ["no JSON", "smartctl 6.6 2016-05-31"],
  ["a list", "[1]"],
  ["half of an object", '{"smart_status": {"pass'],
  ["a megabyte and more", `{"a": "${"x".repeat(2 << 20)}"}`],
])("is down with one sentence where a drive's answer is %s", async (_what, text) => {
  await expect(open({ "sda.json": text }, [["/dev/sda", "sat"]])).rejects.toThrow(
    /smartctl printed no JSON object for sda/,
  );
});

test("leaves out of an answer whatever isn't of its form", async () => {
  const hostile = {
    smart_status: { passed: "yes" },
    temperature: { current: "hot" },
    power_on_time: null,
    power_cycle_count: -1,
    model_name: ["x"],
    serial_number: "a\u0007b\nc",
    ata_smart_attributes: { table: [null, 5, { id: 5 }, { id: 197, raw: { value: -5 } }] },
    ata_device_statistics: { pages: { number: 1 } },
    scsi_error_counter_log: { read: [] },
  };
  const { reader } = await open({ "sda.json": hostile }, [["/dev/sda", "sat"]]);
  expect(shown(await readRound(reader))).toEqual({
    "health_info sda    a b c": 1,
    "health_readable sda": 1,
    "health_read_timestamp_seconds sda": expect.any(Number),
    "asleep sda": 0,
  });
});

test("asks no drive whose name or type could be read as an option, and no NVMe drive", async () => {
  await expect(
    open({}, [
      ["/dev/../-rf", "sat -x"],
      ["--help", "sat"],
      ["/dev/nvme0", "nvme"],
    ]),
  ).rejects.toThrow("smartctl finds no SATA or SAS drive");
});

test("gives up a smartctl that hangs and asks its drive no more before it is gone", async () => {
  const host = prepare({ "sda.json": sataDisk, "sdb.json": sataDisk, "sdb.hangs": "" }, [
    ["/dev/sda", "sat"],
    ["/dev/sdb", "sat"],
  ]);
  const { clock } = host;
  const opening = host.open();
  await untilAsked(host, "/dev/sdb");
  await clock.advance(1000);
  const reader = await opening;
  const samples = shown(await readRound(reader));
  expect(samples["failing sda"]).toBe(1);
  expect(samples).not.toHaveProperty("health_readable sdb");
  await clock.advance(40_000);
  expect(shown(await readRound(reader))["health_readable sdb"]).toBe(0);
  expect(host.lines.join()).toContain("smartctl took over 40 s with sdb");
});

test("leaves out what is on USB, as a BMC's pretended drives are", async () => {
  const stick = "sys/devices/pci0000:00/usb1/1-1/block/sda";
  const tree = {
    [`${stick}/device/vendor`]: "AMI     \n",
    "sys/block/sda": linkTo("../devices/pci0000:00/usb1/1-1/block/sda"),
  };
  await expect(open({}, [["/dev/sda", "scsi"]], tree)).rejects.toThrow("no SATA or SAS drive");
  const both = await open(
    { "sdb.json": sataDisk },
    [
      ["/dev/sda", "scsi"],
      ["/dev/sdb", "scsi"],
    ],
    { ...tree, "sys/block/sdb/device/vendor": "ATA     \n" },
  );
  const samples = Object.keys(shown(await readRound(both.reader)));
  expect(samples).toContain("failing sdb");
  expect(samples.filter((name) => name.includes("sda"))).toEqual([]);
});

test("is absent without a drive, and without smartctl", async () => {
  await expect(open({}, [], {})).rejects.toThrow("no SATA or SAS drive is in /sys/block");
  await expect(open({}, null)).rejects.toThrow("smartmontools isn't installed");
});

interface Host {
  readonly clock: FakeClock;
  readonly lines: readonly string[];
  /** The command lines so far. */
  readonly asked: () => string[];
  readonly open: () => Promise<Reader>;
}

async function open(
  ...how: Parameters<typeof prepare>
): Promise<Omit<Host, "open"> & { readonly reader: Reader }> {
  const host = prepare(...how);
  return { ...host, reader: await host.open() };
}

/** Files are what smartctl prints of a drive (`sda.json`), its exit code, and whether it hangs; null: there is no smartctl. */
function prepare(
  files: Readonly<Record<string, object | string | number>>,
  drives: readonly (readonly [path: string, type: string])[] | null,
  tree: HostTree = { "sys/block/sda/device/vendor": "ATA     \n" },
): Host {
  const folder = makeFolder();
  const root = makeFolder();
  const protocol = (type: string): string => (type === "nvme" ? "NVMe" : "SCSI");
  const devices = drives?.map(([name, type]) => ({ name, type, protocol: protocol(type) }));
  for (const [name, content] of Object.entries({ ...files, "scan.json": { devices } }))
    writeFileSync(
      join(folder, name),
      typeof content === "object" ? JSON.stringify(content) : String(content),
    );
  if (drives !== null) writeProgram(folder);
  const clock = createFakeClock();
  const lines: string[] = [];
  const real = createEnv();
  const context: SourceContext = {
    ...makeHostContext({
      paths: writeHost(root, tree),
      clock,
      variables: { ...real.variables, PATH: `${folder}:/usr/bin:/bin` },
      spawn: (command, args, options) =>
        real.spawn(command === "smartctl" ? join(folder, command) : command, args, options),
    }),
    log: createLog({ clock, write: (line) => void lines.push(line) }),
  };
  const log = join(folder, "asked");
  return {
    clock,
    lines,
    asked: () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []),
    async open() {
      const reader = await smartctlSource.open(context, new AbortController().signal);
      if ("absent" in reader) throw new Error(reader.absent.replaceAll(root, ""));
      onTestFinished(() => reader.close());
      return reader;
    },
  };
}

function writeProgram(folder: string): void {
  const program = join(folder, "smartctl");
  writeFileSync(
    program,
    `#!/bin/sh
echo "$*" >> ${folder}/asked
for last; do :; done
name=$(basename "$last")
test "$last" = --scan && name=scan
test -e ${folder}/$name.hangs && exec sleep 60
cat ${folder}/$name.json
test -e ${folder}/$name.code && exit $(cat ${folder}/$name.code)
exit 0
`,
  );
  chmodSync(program, 0o755);
}

async function untilAsked(host: Host, path: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (host.asked().some((line) => line.endsWith(path))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${path} was never asked`);
}

function message(text: string): object {
  return { smartctl: { messages: [{ string: text, severity: "error" }], exit_status: 2 } };
}

/** `name label label`, without what all have in common. */
function shown(samples: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(
    [...samples].map(([series, value]) => {
      const labels = [...series.matchAll(/="([^"]*)"/g)].map(([, text]) => text);
      const name = series.replace(/\{.*/, "").replace("warpwatch_drive_", "");
      return [[name, ...labels].join(" "), value];
    }),
  );
}
