/** What network interfaces' drivers count and offer, by the kernel's ethtool interface; asked through the slow-kernel probe. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as ethtool from "../../../core/catalog/ethtool.ts";
import type { Device } from "../../../core/catalog/device.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import type { EthtoolAnswer, EthtoolQuestion } from "../../probes/ethtool-message.ts";
import type { Probe } from "../../probes/probe.ts";
import { absent, type Reader, type Source } from "../source.ts";
import { partOf } from "./device.ts";
import type { HostOptions } from "./options.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";

type Settings = NonNullable<EthtoolAnswer["settings"]>;

interface Interface {
  readonly device: string;
  answer: EthtoolAnswer | null;
  /** What its last answer was; kept while it doesn't answer, so that its series stay and are absent. */
  last: EthtoolAnswer | null;
  namesVersion: string;
  /** The driver's own names, and the metric of each; null where it isn't told. */
  metrics: readonly (Metric<"device"> | null)[];
}

/** A driver is given so long; the others are told without it. */
const deadlineMilliseconds = 2000;
const maximumInterfaces = 512;

/** Names that the original has another name for. */
const namedOtherwise: Readonly<Record<string, string>> = {
  rx_bytes: "received_bytes_total",
  rx_dropped: "received_dropped_total",
  rx_errors: "received_errors_total",
  rx_packets: "received_packets_total",
  tx_bytes: "transmitted_bytes_total",
  tx_errors: "transmitted_errors_total",
  tx_packets: "transmitted_packets_total",
};

/** Bits of link modes (ethtool_link_mode_bit_indices): megabits per second, duplex and name. */
const speeds: readonly (readonly [
  bit: number,
  megabits: number,
  duplex: "half" | "full",
  mode: string,
])[] = [
  [0, 10, "half", "10baseT"],
  [1, 10, "full", "10baseT"],
  [2, 100, "half", "100baseT"],
  [3, 100, "full", "100baseT"],
  [4, 1000, "half", "1000baseT"],
  [5, 1000, "full", "1000baseT"],
  [12, 10_000, "full", "10000baseT"],
  [15, 2500, "full", "2500baseX"],
  [17, 1000, "full", "1000baseKX"],
  [18, 10_000, "full", "10000baseKX4"],
  [19, 10_000, "full", "10000baseKR"],
  [20, 10_000, "full", "10000baseR_FEC"],
  [21, 20_000, "full", "20000baseMLD2"],
  [22, 20_000, "full", "20000baseKR2"],
  [23, 40_000, "full", "40000baseKR4"],
  [24, 40_000, "full", "40000baseCR4"],
  [25, 40_000, "full", "40000baseSR4"],
  [26, 40_000, "full", "40000baseLR4"],
  [27, 56_000, "full", "56000baseKR4"],
  [28, 56_000, "full", "56000baseCR4"],
  [29, 56_000, "full", "56000baseSR4"],
  [30, 56_000, "full", "56000baseLR4"],
  [31, 25_000, "full", "25000baseCR"],
];
const ports: readonly (readonly [bit: number, type: string])[] = [
  [7, "TP"],
  [8, "AUI"],
  [9, "MII"],
  [10, "FIBRE"],
  [11, "BNC"],
  [16, "Backplane"],
];
const ability = { autonegotiate: 6, pause: 13, asymmetricPause: 14 };
const bytesPerMegabit = 1e6 / 8;

export function createEthtoolSource(options: HostOptions["ethtool"]): Source {
  return {
    name: "ethtool",
    metrics: [
      ethtool.driverInfo,
      ethtool.driverStatistics,
      ethtool.supportedPort,
      ethtool.supportedSpeed,
      ethtool.advertisedSpeed,
      ethtool.autonegotiate,
      ethtool.autonegotiateSupported,
      ethtool.pauseSupported,
      ethtool.asymmetricPauseSupported,
      ethtool.autonegotiateAdvertised,
      ethtool.pauseAdvertised,
      ethtool.asymmetricPauseAdvertised,
    ],
    sampling: "steady",
    async open({ env, host, probes }) {
      const folder = join(env.paths.sysfs, "class/net");
      if (listDevices(folder, options) === null) return absent(`${folder} isn't there`);
      const reader = createReader(folder, options, probes.slowKernel, host);
      await reader.ask();
      return reader;
    },
  };
}

function createReader(
  folder: string,
  options: HostOptions["ethtool"],
  probe: Probe,
  host: Device,
): Reader & { ask(): Promise<void> } {
  const known = new Map<string, Interface>();
  let current: Interface[] = [];
  const samples = createSampleReader((add) => {
    for (const one of current) gather(one, add, partOf(host, "nic", one.device));
  });

  async function askAll(): Promise<void> {
    const devices = (listDevices(folder, options) ?? []).slice(0, maximumInterfaces);
    for (const name of known.keys()) if (!devices.includes(name)) known.delete(name);
    current = devices.map((device) => {
      const one = known.get(device) ?? makeInterface(device);
      known.set(device, one);
      return one;
    });
    await Promise.all(current.map((one) => ask(one, probe, options)));
  }

  return {
    ask: askAll,
    register: (slots) => samples.register(slots),
    async read(column, signal) {
      await askAll();
      return samples.read(column, signal);
    },
    close() {},
  };
}

/** Null without the folder. */
function listDevices(folder: string, { keepsDevice }: HostOptions["ethtool"]): string[] | null {
  try {
    return readdirSync(folder).filter((name) => keepsDevice(name));
  } catch {
    return null;
  }
}

function makeInterface(device: string): Interface {
  return { device, answer: null, last: null, namesVersion: "", metrics: [] };
}

async function ask(one: Interface, probe: Probe, options: HostOptions["ethtool"]): Promise<void> {
  const { device, namesVersion } = one;
  const question: EthtoolQuestion = { device, namesVersion };
  one.answer = null;
  try {
    const answer = await probe.ask("ethtool", device, question, deadlineMilliseconds);
    one.answer = answer as EthtoolAnswer;
  } catch {
    // The probe's own metric says how long it has been waiting.
    return;
  }
  one.last = one.answer;
  const { statistics } = one.answer;
  if (!statistics?.names) return;
  one.namesVersion = statistics.namesVersion;
  one.metrics = metricsOf(statistics.names, options);
}

/** Two of a driver's names may come to the same: the first has it. */
function metricsOf(
  names: readonly string[],
  { keepsMetric }: HostOptions["ethtool"],
): (Metric<"device"> | null)[] {
  const taken = new Set<Metric>();
  return names.map((name) => {
    if (name === "" || !keepsMetric(name)) return null;
    const metric = ethtool.driverStatistics.metric(keyOf(name));
    if (taken.has(metric)) return null;
    taken.add(metric);
    return metric;
  });
}

/** `Rx Queue[0]: bytes` → `received_queue_0_bytes`. */
function keyOf(name: string): string {
  const known = Object.hasOwn(namedOtherwise, name) ? namedOtherwise[name] : undefined;
  return (
    known ??
    name
      .replaceAll(/_*[^0-9A-Za-z_]+_*/g, "_")
      .replace(/^_+/, "")
      .toLowerCase()
      .replaceAll(/(^|_)rx(_|$)/g, "$1received$2")
      .replaceAll(/(^|_)tx(_|$)/g, "$1transmitted$2")
  );
}

function gather({ device, answer, last, metrics }: Interface, add: AddSample, part: Device): void {
  if (last === null) return;
  const one = answer === null ? Number.NaN : 1;
  if (last.driver) {
    const { bus, driver, expansionRom, firmware, version } = last.driver;
    const labels = {
      bus_info: bus,
      device,
      driver,
      expansion_rom_version: expansionRom,
      firmware_version: firmware,
      version,
    };
    add(ethtool.driverInfo, labels, one, part);
  }
  if (last.settings) gatherSettings(last.settings, device, one, add, part);
  if (!last.statistics) return;
  const { values } = last.statistics;
  metrics.forEach((metric, index) => {
    if (metric) add(metric, { device }, one * (values[index] ?? Number.NaN), part);
  });
}

/** `one` is 1, or NaN while the driver doesn't answer. */
function gatherSettings(
  { supported, advertised, autonegotiate }: Settings,
  device: string,
  one: number,
  add: AddSample,
  part: Device,
): void {
  const says = (metric: Metric<"device">, modes: number, bit: number): void =>
    add(metric, { device }, one * ((modes >>> bit) & 1), part);
  for (const [metric, modes] of [
    [ethtool.supportedSpeed, supported],
    [ethtool.advertisedSpeed, advertised],
  ] as const)
    for (const [bit, megabits, duplex, mode] of speeds)
      if (((modes >>> bit) & 1) === 1)
        add(metric, { device, duplex, mode }, one * megabits * bytesPerMegabit, part);
  for (const [bit, type] of ports)
    if (((supported >>> bit) & 1) === 1) add(ethtool.supportedPort, { device, type }, one, part);
  says(ethtool.autonegotiateSupported, supported, ability.autonegotiate);
  says(ethtool.pauseSupported, supported, ability.pause);
  says(ethtool.asymmetricPauseSupported, supported, ability.asymmetricPause);
  says(ethtool.autonegotiateAdvertised, advertised, ability.autonegotiate);
  says(ethtool.pauseAdvertised, advertised, ability.pause);
  says(ethtool.asymmetricPauseAdvertised, advertised, ability.asymmetricPause);
  add(ethtool.autonegotiate, { device }, one * autonegotiate, part);
}
