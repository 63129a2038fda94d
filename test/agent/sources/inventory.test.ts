import { spawn } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { createHolders } from "../../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../../agent/gpu-directory.ts";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createInventorySource, takeApart } from "../../../agent/sources/inventory.ts";
import { takeInventory, type InventoryLibrary } from "../../../agent/sources/take-inventory.ts";
import type { Reader, SourceContext } from "../../../agent/sources/source.ts";
import { nowhere } from "../../../core/catalog/device.ts";
import { createEnv, defaultPaths } from "../../../core/kit/env.ts";
import { createLog } from "../../../core/kit/log.ts";
import { labelsOf } from "../../../core/wire/frame.ts";
import { createSeriesList } from "../../../core/wire/slots.ts";
import { makeFolder } from "../../kit/folder.ts";
import { noProbes } from "../../kit/probes.ts";

interface FakeHost extends InventoryLibrary {
  biosVersion: string;
  calls: number;
}

function makeHost(): FakeHost {
  const host: FakeHost = {
    biosVersion: "2.1",
    calls: 0,
    async system() {
      host.calls += 1;
      return { manufacturer: "Supermicro", model: "SYS-821GE-TNHR", virtual: false };
    },
    baseboard: async () => ({ manufacturer: "Supermicro", model: "X13DEG-OAD" }),
    bios: async () => ({ version: host.biosVersion, releaseDate: "2026-03-02" }),
    cpu: async () => ({
      manufacturer: "Intel",
      brand: "Xeon® Platinum 8480+",
      processors: 2,
      physicalCores: 112,
      cores: 224,
    }),
    memLayout: async () => [
      {
        size: 68_719_476_736,
        bank: "P1-DIMMA1",
        type: "DDR5",
        manufacturer: "Samsung",
        partNum: "M321R8GA0PB0-CWMKJ",
        clockSpeed: 4800,
      },
      { size: 0, bank: "", type: "Unknown", partNum: "-", clockSpeed: null },
    ],
    diskLayout: async () => [
      {
        device: "/dev/nvme0n1",
        vendor: "Samsung",
        name: "MZQL23T8HCLS-00A07",
        firmwareRevision: "GDC5902Q",
        type: "NVMe",
        interfaceType: "PCIe",
      },
    ],
    networkInterfaces: async () => [
      { iface: "lo", internal: true, virtual: false, type: "virtual", speed: null },
      { iface: "vrail1", internal: false, virtual: true, type: "virtual", speed: 10_000 },
      { iface: "rail0", internal: false, virtual: false, type: "wired", speed: 25_000 },
      { iface: "rail1", internal: false, virtual: false, type: "wired", speed: -1 },
    ],
  };
  return host;
}

function makeContext(paths = defaultPaths): SourceContext {
  const env = createEnv({ paths });
  return {
    env,
    log: createLog({ clock: env.clock, write: () => undefined }),
    events: { report: () => undefined },
    host: { kind: "node", id: "n", node: "n", name: "n", model: "", place: nowhere },
    probes: noProbes,
    gpus: createGpuDirectory(),
    holders: createHolders(),
    stateFolder: "",
  };
}

const never = new AbortController().signal;

async function open(host: InventoryLibrary): Promise<Reader> {
  const opened = await createInventorySource(() => takeInventory(host, defaultPaths)).open(
    makeContext(),
    never,
  );
  if ("absent" in opened) throw new Error(opened.absent);
  return opened;
}

async function read(reader: Reader): Promise<Map<string, number>> {
  const list = createSeriesList(1000);
  reader.register(list);
  const column = new Float64Array(list.series.length).fill(Number.NaN);
  expect(await reader.read(column, never)).toBeUndefined();
  return new Map(
    list.series.map((series, slot) => [
      `${series.metric.name} ${Object.values(labelsOf(series)).join("|")}`,
      column[slot] ?? Number.NaN,
    ]),
  );
}

describe("the inventory", () => {
  it("tells system, processors, memory modules, drives and network cards", async () => {
    expect(Object.fromEntries(await read(await open(makeHost())))).toEqual({
      "warpwatch_node_info Supermicro|SYS-821GE-TNHR|Supermicro X13DEG-OAD|2.1|2026-03-02|false": 1,
      "warpwatch_processor_info Intel Xeon® Platinum 8480+|2|112|224": 1,
      "warpwatch_memory_module_info P1-DIMMA1|DDR5|Samsung|M321R8GA0PB0-CWMKJ|4800": 1,
      "warpwatch_memory_module_size_bytes P1-DIMMA1": 68_719_476_736,
      "warpwatch_drive_info nvme0n1|Samsung|MZQL23T8HCLS-00A07|GDC5902Q|NVMe|PCIe": 1,
      "warpwatch_nic_info rail0||wired|25000": 1,
      "warpwatch_nic_info rail1||wired|": 1,
    });
  });

  it("asks once for the first reading, and says when a firmware was updated", async () => {
    const host = makeHost();
    const reader = await open(host);
    await read(reader);
    expect(host.calls).toBe(1);
    const column = new Float64Array(16);
    expect(await reader.read(column, never)).toBeUndefined();
    host.biosVersion = "2.2";
    expect(await reader.read(column, never)).toBe("changed");
    const names = [...(await read(reader)).keys()];
    expect(names.filter((name) => name.includes("|2.2|"))).toHaveLength(1);
    expect(host.calls, "what changed isn't asked for twice").toBe(3);
  });

  it("takes what makers write for nothing as nothing", async () => {
    const host = makeHost();
    host.system = async () => ({
      manufacturer: "To Be Filled By O.E.M.",
      model: "-",
      virtual: true,
    });
    const { node } = await takeInventory(host, defaultPaths);
    expect([node.vendor, node.model, node.virtual]).toEqual(["", "", "true"]);
  });

  it("reads a network card's driver from sysfs", async () => {
    const sysfs = makeFolder();
    const device = join(sysfs, "class/net/rail0/device");
    mkdirSync(device, { recursive: true });
    symlinkSync("../../../../bus/pci/drivers/mlx5_core", join(device, "driver"));
    const { nics } = await takeInventory(makeHost(), { ...defaultPaths, sysfs });
    expect(nics.map(({ driver }) => driver)).toEqual(["mlx5_core", ""]);
  });

  it("is absent where another host is shown than the machine itself", async () => {
    const source = createInventorySource(() => Promise.reject(new Error("must not be loaded")));
    const paths = { ...defaultPaths, sysfs: makeFolder() };
    expect(await source.open(makeContext(paths), never)).toEqual({
      absent: expect.stringContaining("--path.*"),
    });
  });

  it("is down with what the child process said when that fails", async () => {
    const failing = createEnv({
      spawn: (_command, _args, options) =>
        spawn("sh", ["-c", "echo the library is missing >&2; exit 1"], options),
    });
    await expect(takeApart(failing, never)).rejects.toThrow(
      "ended with 1 (the library is missing)",
    );
  });

  it("kills the child process when nobody waits any more", async () => {
    const hanging = createEnv({
      spawn: (_command, _args, options) => spawn("sleep", ["60"], options),
    });
    const controller = new AbortController();
    const taken = takeApart(hanging, controller.signal);
    controller.abort();
    await expect(taken).rejects.toThrow("ended with SIGKILL");
  });

  it("is read of this machine by a child process and the library that ships", async () => {
    const inventory = await takeApart(createEnv(), never);
    expect(Number(inventory.processor.threads)).toBeGreaterThan(0);
    expect(inventory.nics.every(({ device }) => device !== "" && device !== "lo")).toBe(true);
  });
});
