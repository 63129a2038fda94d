/** NVMe drives played by a stand-in for ioctl(2), in this process and in a real probe. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createEnv } from "../../../../core/kit/env.ts";
import { createLog } from "../../../../core/kit/log.ts";
import { readNvmeSmart } from "../../../../agent/probes/nvme-smart.ts";
import { createProbes } from "../../../../agent/probes/process.ts";
import {
  createNvmeSmartSource,
  nvmeSmartSource,
} from "../../../../agent/sources/host/nvme-smart.ts";
import { decodeSmartPage } from "../../../../agent/sources/host/nvme-smart-page.ts";
import type { Reader, SourceContext } from "../../../../agent/sources/source.ts";
import { writeHost } from "../../../hosts/tree.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { canCompile, compileStandIn, writeDevice } from "../../../kit/stand-in-devices.ts";
import { makeHostContext, readRound } from "./context.ts";

const minute = 60_000;

describe("a SMART log page", () => {
  test("gives counters of 128 bits, temperatures in degrees Celsius and shares as ratios", () => {
    const page = makePage({
      warning: 0b10_0101,
      composite: 273 + 41,
      spare: 97,
      threshold: 10,
      used: 103,
      wide: {
        32: 2n ** 64n + 5n,
        48: 3n,
        96: 7n,
        112: 11n,
        128: 13n,
        144: 17n,
        160: 19n,
        176: 23n,
      },
      short: { 192: 29, 196: 31, 224: 37, 228: 41 },
      sensors: { 1: 273 + 44, 8: 273 - 5 },
    });
    const told = Object.fromEntries(
      decodeSmartPage(page, "nvme0").map(({ metric, labels, value }) => [
        [metric.name.replace("warpwatch_drive_", ""), ...Object.values(labels).slice(1)].join(" "),
        value,
      ]),
    );
    expect(told).toEqual({
      failing: 1,
      "critical_warning spare": 1,
      "critical_warning temperature": 0,
      "critical_warning reliability": 1,
      "critical_warning read_only": 0,
      "critical_warning volatile_backup": 0,
      "critical_warning persistent_memory": 1,
      "temperature_celsius composite": 41,
      "temperature_celsius 1": 44,
      "temperature_celsius 8": -5,
      spare_ratio: 0.97,
      spare_threshold_ratio: 0.1,
      endurance_used_ratio: 1.03,
      read_bytes_total: (2 ** 64 + 5) * 512_000,
      written_bytes_total: 3 * 512_000,
      busy_seconds_total: 7 * 60,
      power_cycles_total: 11,
      power_on_seconds_total: 13 * 3600,
      unsafe_shutdowns_total: 17,
      media_errors_total: 19,
      error_log_entries_total: 23,
      "too_hot_seconds_total warning": 29 * 60,
      "too_hot_seconds_total critical": 31 * 60,
      "throttled_seconds_total light": 37,
      "throttled_seconds_total heavy": 41,
    });
  });

  test("of a drive that is only hot isn't one of a drive that fails", () => {
    const [failing] = decodeSmartPage(makePage({ warning: 0b10 }), "nvme0");
    expect(failing).toMatchObject({ value: 0 });
  });

  test.each([
    ["nothing but zeros", new Uint8Array(512)],
    ["nothing but ones", new Uint8Array(512).fill(0xff)],
    ["a SMART log of 511 bytes", new Uint8Array(511).fill(1)],
  ])("is refused where it is %s", (sentence, page) => {
    expect(() => decodeSmartPage(page, "nvme0")).toThrow(sentence);
  });
});

describe.runIf(canCompile)("NVMe drives", () => {
  test("are read through the kernel, each with its model, and not those of another machine", async () => {
    const host = makeDrives({
      nvme0: pageScript({ spare: 100 }),
      nvme1: pageScript({ spare: 40 }),
    });
    writeHost(host.root, { "sys/class/nvme/nvme2/transport": "tcp\n" });
    const samples = await readRound(await host.open());
    expect(samples.get('warpwatch_drive_spare_ratio{device="nvme0"}')).toBe(1);
    expect(samples.get('warpwatch_drive_spare_ratio{device="nvme1"}')).toBe(0.4);
    expect(samples.get('warpwatch_drive_health_readable{device="nvme1"}')).toBe(1);
    expect(
      samples.get(
        'warpwatch_drive_health_info{device="nvme0",firmware="GDC7",interface="nvme",model="SAMSUNG",serial="S-nvme0"}',
      ),
    ).toBe(1);
    expect([...samples.keys()].filter((name) => name.includes("nvme2"))).toEqual([]);
  });

  test("are read once a minute, and what is shown says when it was read", async () => {
    const host = makeDrives({ nvme0: pageScript({ used: 1 }) });
    const reader = await host.open();
    const series = 'warpwatch_drive_endurance_used_ratio{device="nvme0"}';
    const time = 'warpwatch_drive_health_read_timestamp_seconds{device="nvme0"}';
    const first = await readRound(reader);
    writeDevice(host.root, "nvme0", pageScript({ used: 2 }));
    await host.clock.advance(minute - 1);
    expect(await readRound(reader)).toEqual(first);
    await host.clock.advance(1);
    const second = await readRound(reader);
    expect(second.get(series)).toBe(0.02);
    expect((second.get(time) ?? 0) - (first.get(time) ?? 0)).toBe(60);
  });

  test("keep what they told when the clock is set", async () => {
    const host = makeDrives({ nvme0: pageScript({ spare: 90 }) });
    const reader = await host.open();
    host.clock.setWallClock(host.clock.now() + 86_400_000);
    expect((await readRound(reader)).get('warpwatch_drive_spare_ratio{device="nvme0"}')).toBe(0.9);
  });

  test("keep their own: one that fails is shown as unreadable, asked ever more rarely, and comes back", async () => {
    const host = makeDrives({ nvme0: pageScript({ spare: 100 }), nvme1: "errno 19" });
    const reader = await host.open();
    const readable = 'warpwatch_drive_health_readable{device="nvme1"}';
    const first = await readRound(reader);
    expect(first.get('warpwatch_drive_spare_ratio{device="nvme0"}')).toBe(1);
    expect(first.get(readable)).toBe(0);
    expect(first.has('warpwatch_drive_spare_ratio{device="nvme1"}')).toBe(false);
    expect(host.lines.join()).toContain("ENODEV");

    writeDevice(host.root, "nvme1", pageScript({ spare: 50 }));
    await host.clock.advance(minute);
    expect((await readRound(reader)).get(readable)).toBe(1);
    writeDevice(host.root, "nvme1", "status 8194");
    // It fails in this round, is asked again after one minute and left alone for two after that.
    const asked: number[] = [];
    for (let round = 1; round <= 8; round += 1) {
      await host.clock.advance(minute);
      if (round === 4) writeDevice(host.root, "nvme1", pageScript({ spare: 50 }));
      asked.push((await readRound(reader)).get(readable) ?? -1);
    }
    expect(asked).toEqual([0, 0, 0, 1, 1, 1, 1, 1]);
  });

  test("are down together where none can be read, with what the system said", async () => {
    const host = makeDrives({ nvme0: "errno 5", nvme1: "errno 5" });
    await expect(host.open()).rejects.toThrow("ioctl: EIO");
  });

  test("are absent where this user may ask none of them", async () => {
    const host = makeDrives({ nvme0: "errno 13", nvme1: "errno 1" });
    await expect(host.open()).rejects.toThrow(/^only root may ask it, .* ioctl: EACCES/);
  });

  test("disturb nobody when one hangs for ever", async () => {
    const env = createEnv();
    const lines: string[] = [];
    const log = createLog({ clock: env.clock, write: (line) => void lines.push(line) });
    const probes = createProbes(env, log);
    onTestFinished(() => probes.close());
    const library = compileStandIn();
    const root = makeFolder();
    writeDevice(root, "nvme0", "hang");
    writeDevice(root, "nvme1", pageScript({ spare: 60 }));
    const ask = (name: string, milliseconds: number): Promise<unknown> =>
      probes.slowKernel.ask(
        "nvme-smart",
        name,
        { path: join(root, "dev", name), library },
        milliseconds,
      );
    const hanging = ask("nvme0", 1500);
    await expect(ask("nvme1", 10_000)).resolves.toHaveLength(512);
    await expect(hanging).rejects.toThrow("did not answer for nvme0");
    await expect(ask("nvme0", 1000)).rejects.toMatchObject({ code: "PROBE_BUSY" });
    await expect(ask("nvme1", 1000)).resolves.toHaveLength(512);
    expect(probes.slowKernel.inFlight()).toMatchObject([{ key: "nvme0" }]);
  });
});

test("are asked through the system's own C library", async () => {
  const path = join(makeFolder(), "file");
  writeFileSync(path, "");
  // A file is no drive: the kernel says so, and says it as itself.
  await expect(readNvmeSmart({ path, library: null })).rejects.toThrow(`${path}: ioctl: ENOTTY`);
});

test("are absent where there are none", async () => {
  const root = makeFolder();
  const paths = writeHost(root, {});
  await expect(
    Promise.resolve(nvmeSmartSource.open(makeHostContext({ paths }), new AbortController().signal)),
  ).resolves.toEqual({ absent: `no NVMe drive on the PCI bus is under ${root}/sys/class/nvme` });
});

interface Drives {
  readonly root: string;
  readonly clock: FakeClock;
  readonly lines: readonly string[];
  open(): Promise<Reader>;
}

function makeDrives(scripts: Readonly<Record<string, string>>): Drives {
  const root = makeFolder();
  const paths = writeHost(
    root,
    Object.fromEntries(
      Object.keys(scripts).flatMap((name) => [
        [`sys/class/nvme/${name}/transport`, "pcie\n"],
        [`sys/class/nvme/${name}/model`, "SAMSUNG   \n"],
        [`sys/class/nvme/${name}/serial`, `S-${name}\n`],
        [`sys/class/nvme/${name}/firmware_rev`, "GDC7\n"],
      ]),
    ),
  );
  for (const [name, script] of Object.entries(scripts)) writeDevice(root, name, script);
  const clock = createFakeClock();
  const lines: string[] = [];
  const context: SourceContext = {
    ...makeHostContext({ paths, clock }),
    log: createLog({ clock, write: (line) => void lines.push(line) }),
  };
  return {
    root,
    clock,
    lines,
    async open() {
      const source = createNvmeSmartSource(compileStandIn());
      const reader = await source.open(context, new AbortController().signal);
      if ("absent" in reader) throw new Error(reader.absent);
      onTestFinished(() => reader.close());
      return reader;
    },
  };
}

interface Page {
  readonly warning?: number;
  readonly composite?: number;
  readonly spare?: number;
  readonly threshold?: number;
  readonly used?: number;
  /** 128 bits by their place. */
  readonly wide?: Readonly<Record<number, bigint>>;
  readonly short?: Readonly<Record<number, number>>;
  readonly sensors?: Readonly<Record<number, number>>;
}

function pageScript(page: Page): string {
  return `page ${Buffer.from(makePage(page)).toString("hex")}\n`;
}

function makePage(page: Page): Uint8Array {
  const bytes = Buffer.alloc(512);
  bytes[0] = page.warning ?? 0;
  bytes.writeUInt16LE(page.composite ?? 300, 1);
  bytes[3] = page.spare ?? 100;
  bytes[4] = page.threshold ?? 10;
  bytes[5] = page.used ?? 0;
  for (const [place, value] of Object.entries(page.wide ?? {})) {
    bytes.writeBigUInt64LE(value & 0xffff_ffff_ffff_ffffn, Number(place));
    bytes.writeBigUInt64LE(value >> 64n, Number(place) + 8);
  }
  for (const [place, value] of Object.entries(page.short ?? {}))
    bytes.writeUInt32LE(value, Number(place));
  for (const [sensor, kelvin] of Object.entries(page.sensors ?? {}))
    bytes.writeUInt16LE(kelvin, 198 + 2 * Number(sensor));
  return bytes;
}
