/**
 * A call of the `slow-kernel` probe: what a network interface's driver says of itself, by the SIOCETHTOOL ioctl
 * (linux/ethtool.h). Drivers ask their firmware for it and hold the kernel's lock on interfaces meanwhile.
 */
import { loadDeviceCalls, type DeviceCalls, type DeviceMemory } from "./device-calls.ts";
import type { EthtoolAnswer, EthtoolQuestion } from "./ethtool-message.ts";

const ethtoolRequest = 0x8946;
const command = { settings: 0x1, driver: 0x3, strings: 0x1b, statistics: 0x1d };
/** `struct ifreq`: the interface's name, then where the command lies. */
const requestBytes = 40;
const dataOffset = 16;
const longestName = 15;
const settingsBytes = 44;
const driverBytes = 196;
/** Fixed texts of 32 bytes in `struct ethtool_drvinfo`, and how many statistics there are. */
const driverTexts = { driver: 4, version: 36, firmware: 68, bus: 100, expansionRom: 132 };
const statisticsCountOffset = 180;
const textBytes = 32;
const statisticsSet = 1;
/** More than any driver has: a broken one must not make us reserve gigabytes. */
const maximumStatistics = 100_000;

interface Names {
  /** Unique over restarts of this process, so that the agent knows whether it has them. */
  readonly version: string;
  /** Whose names they are. */
  readonly driver: string;
  readonly list: readonly string[];
}

interface Interfaces {
  readonly calls: DeviceCalls;
  readonly socket: number;
}

let opened: Promise<Interfaces> | null = null;
const knownNames = new Map<string, Names>();
const maximumKnown = 1000;

/** Null parts are what the driver doesn't offer. */
export async function askEthtool(argument: unknown): Promise<EthtoolAnswer> {
  const { device, namesVersion } = argument as EthtoolQuestion;
  opened ??= open();
  const interfaces = await opened;
  const settings = await ask(interfaces, device, command.settings, settingsBytes, readSettings);
  const driver = await ask(interfaces, device, command.driver, driverBytes, (view) => ({
    texts: readTexts(view),
    count: Math.min(view.getUint32(statisticsCountOffset, true), maximumStatistics),
  }));
  if (driver === null || driver.count === 0)
    return { settings, driver: driver?.texts ?? null, statistics: null };
  const names = await namesOf(
    interfaces,
    device,
    Object.values(driver.texts).join("\n"),
    driver.count,
  );
  const values = await askStatistics(interfaces, device, driver.count);
  const statistics =
    names === null || values === null
      ? null
      : {
          namesVersion: names.version,
          names: names.version === namesVersion ? null : names.list,
          values,
        };
  return { settings, driver: driver.texts, statistics };
}

async function open(): Promise<Interfaces> {
  const { default: koffi } = await import("koffi");
  const socket = koffi.load(null).func("int socket(int family, int type, int protocol)");
  const [internet, datagrams] = [2, 2];
  const descriptor = socket(internet, datagrams, 0) as number;
  if (descriptor < 0) {
    opened = null;
    throw new Error("no socket can be made to ask network interfaces with");
  }
  return { calls: await loadDeviceCalls(null), socket: descriptor };
}

/** One command with its structure, of which `fill` writes what is asked. Null where the kernel or the driver refuses. */
async function ask<Answer>(
  { calls, socket }: Interfaces,
  device: string,
  what: number,
  bytes: number,
  read: (view: DataView) => Answer,
  fill: (view: DataView) => void = () => {},
): Promise<Answer | null> {
  return calls.withMemory(bytes, (structure) =>
    calls.withMemory(requestBytes, async (request) => {
      structure.view.setUint32(0, what, true);
      fill(structure.view);
      address(request, device, structure);
      try {
        await calls.ioctl(socket, ethtoolRequest, request.address);
      } catch {
        return null;
      }
      return read(structure.view);
    }),
  );
}

function address({ view }: DeviceMemory, device: string, structure: DeviceMemory): void {
  Buffer.from(device)
    .subarray(0, longestName)
    .forEach((byte, index) => view.setUint8(index, byte));
  view.setBigUint64(dataOffset, structure.address, true);
}

function readSettings(view: DataView): EthtoolAnswer["settings"] {
  return {
    supported: view.getUint32(4, true),
    advertised: view.getUint32(8, true),
    autonegotiate: view.getUint8(18),
  };
}

function readTexts(view: DataView): NonNullable<EthtoolAnswer["driver"]> {
  const text = (offset: number): string => readText(view, offset);
  return {
    driver: text(driverTexts.driver),
    version: text(driverTexts.version),
    firmware: text(driverTexts.firmware),
    bus: text(driverTexts.bus),
    expansionRom: text(driverTexts.expansionRom),
  };
}

/** One driver's names change only with their number: queues that were added or taken away. */
async function namesOf(
  interfaces: Interfaces,
  device: string,
  driver: string,
  count: number,
): Promise<Names | null> {
  const known = knownNames.get(device);
  if (known?.driver === driver && known.list.length === count) return known;
  const list = await ask(
    interfaces,
    device,
    command.strings,
    12 + count * textBytes,
    (view) => Array.from({ length: count }, (_, index) => readText(view, 12 + index * textBytes)),
    (view) => {
      view.setUint32(4, statisticsSet, true);
      view.setUint32(8, count, true);
    },
  );
  if (list === null) return null;
  if (knownNames.size >= maximumKnown) knownNames.clear();
  const names = { version: `${process.pid} ${process.hrtime.bigint()}`, driver, list };
  knownNames.set(device, names);
  return names;
}

function askStatistics(
  interfaces: Interfaces,
  device: string,
  count: number,
): Promise<Float64Array | null> {
  return ask(
    interfaces,
    device,
    command.statistics,
    8 + count * 8,
    (view) =>
      Float64Array.from({ length: count }, (_, index) =>
        Number(view.getBigUint64(8 + index * 8, true)),
      ),
    (view) => view.setUint32(4, count, true),
  );
}

function readText(view: DataView, offset: number): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset + offset, textBytes);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end === -1 ? textBytes : end);
}
