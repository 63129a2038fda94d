/**
 * What the machine is made of, as systeminformation finds it. It asks up to a hundred small programs (cat, lsblk, lscpu …),
 * takes about a second, and always looks at the machine itself.
 */
import { readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { Systeminformation } from "systeminformation";
import type {
  driveInfo,
  memoryModuleInfo,
  nicInfo,
  nodeInfo,
  processorInfo,
} from "../../core/catalog/inventory.ts";
import type { HostPaths } from "../../core/kit/env.ts";
import { WarpwatchError } from "../../core/kit/errors.ts";

/** The part of systeminformation that is used. */
export interface InventoryLibrary {
  system(): Promise<{
    readonly manufacturer: string;
    readonly model: string;
    readonly virtual: boolean;
  }>;
  baseboard(): Promise<{ readonly manufacturer: string; readonly model: string }>;
  bios(): Promise<{ readonly version: string; readonly releaseDate: string }>;
  cpu(): Promise<{
    readonly manufacturer: string;
    readonly brand: string;
    readonly processors: number;
    readonly physicalCores: number;
    readonly cores: number;
  }>;
  memLayout(): Promise<readonly MemoryModule[]>;
  diskLayout(): Promise<readonly Drive[]>;
  networkInterfaces(): Promise<readonly Nic[] | Nic>;
}

type MemoryModule = Pick<
  Systeminformation.MemLayoutData,
  "size" | "bank" | "type" | "manufacturer" | "partNum" | "clockSpeed"
>;

interface Drive {
  readonly device: string;
  readonly vendor: string;
  readonly name: string;
  readonly firmwareRevision: string;
  readonly type: string;
  readonly interfaceType: string;
}

interface Nic {
  readonly iface: string;
  readonly internal: boolean;
  readonly virtual: boolean;
  readonly type: string;
  readonly speed: number | null;
}

export interface Inventory {
  readonly node: Readonly<Record<(typeof nodeInfo.labels)[number], string>>;
  readonly processor: Readonly<Record<(typeof processorInfo.labels)[number], string>>;
  readonly modules: readonly (Readonly<Record<(typeof memoryModuleInfo.labels)[number], string>> & {
    readonly bytes: number;
  })[];
  readonly drives: readonly Readonly<Record<(typeof driveInfo.labels)[number], string>>[];
  readonly nics: readonly Readonly<Record<(typeof nicInfo.labels)[number], string>>[];
}

/** One call after the other: the programs that it starts don't come all at once. */
export async function takeInventory(
  library: InventoryLibrary,
  paths: HostPaths,
): Promise<Inventory> {
  const system = await library.system();
  const board = await library.baseboard();
  const bios = await library.bios();
  const cpu = await library.cpu();
  const modules = await library.memLayout();
  const drives = await library.diskLayout();
  const nics = [await library.networkInterfaces()].flat();
  return {
    node: {
      vendor: said(system.manufacturer),
      model: said(system.model),
      board: said(`${said(board.manufacturer)} ${said(board.model)}`),
      bios_version: said(bios.version),
      bios_date: said(bios.releaseDate),
      virtual: String(system.virtual),
    },
    processor: {
      model: said(`${said(cpu.manufacturer)} ${said(cpu.brand)}`),
      sockets: String(cpu.processors),
      cores: String(cpu.physicalCores),
      threads: String(cpu.cores),
    },
    // Without the right to read the firmware's table there is one entry, of all memory together.
    modules: modules
      .filter(({ bank }) => said(bank) !== "")
      .map((module) => ({
        slot: said(module.bank),
        type: said(module.type),
        vendor: said(module.manufacturer),
        part: said(module.partNum),
        speed: said(module.clockSpeed),
        bytes: module.size,
      })),
    drives: drives.map((drive) => ({
      device: basename(said(drive.device)),
      vendor: said(drive.vendor),
      model: said(drive.name),
      firmware: said(drive.firmwareRevision),
      type: said(drive.type),
      interface: said(drive.interfaceType),
    })),
    nics: nics
      .filter(({ internal, virtual }) => !internal && !virtual)
      .map((nic) => ({
        device: said(nic.iface),
        driver: driverOf(nic.iface, paths),
        type: said(nic.type),
        speed: Number(nic.speed) > 0 ? String(nic.speed) : "",
      })),
  };
}

export async function loadLibrary(): Promise<InventoryLibrary> {
  try {
    const { default: library } = await import("systeminformation");
    return library;
  } catch (cause) {
    throw new WarpwatchError("LIBRARY_MISSING", "systeminformation can't be loaded", { cause });
  }
}

/** What firmware makers write where they had nothing to say becomes empty. */
function said(value: string | number | null | undefined): string {
  const text = String(value ?? "").trim();
  return /^(-|0|unknown|not specified|to be filled by o\.?e\.?m\.?|default string|none)$/i.test(
    text,
  )
    ? ""
    : text;
}

function driverOf(nic: string, paths: HostPaths): string {
  try {
    return basename(readlinkSync(join(paths.sysfs, "class/net", nic, "device/driver")));
  } catch {
    return "";
  }
}
