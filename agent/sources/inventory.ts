/**
 * What the machine is made of: taken once an hour by a child process of its own, since the library for it would stay in
 * this one's memory, and not where `--path.*` show another host.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  driveInfo,
  memoryModuleInfo,
  memoryModuleSize,
  nicInfo,
  nodeInfo,
  processorInfo,
} from "../../core/catalog/inventory.ts";
import { defaultPaths, type Env, type HostPaths } from "../../core/kit/env.ts";
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import type { SlotRegistrar } from "../../core/wire/slots.ts";
import { absent, type Reader, type Source } from "./source.ts";
import type { Inventory } from "./take-inventory.ts";

type TakeInventory = (env: Env, signal: AbortSignal) => Promise<Inventory>;

const maximumReplyBytes = 4 * 1024 * 1024;

export function createInventorySource(take: TakeInventory = takeApart): Source {
  return {
    name: "inventory",
    metrics: [nodeInfo, processorInfo, memoryModuleInfo, memoryModuleSize, driveInfo, nicInfo],
    sampling: "inventory",
    async open({ env }, signal) {
      if (!isThisMachine(env.paths))
        return absent("it can only be read of the machine itself, and --path.* show another");
      return createReader(await take(env, signal), (during) => take(env, during));
    },
  };
}

/** The child writes one JSON document and ends; it is killed when nobody waits any more. */
export function takeApart(env: Env, signal: AbortSignal): Promise<Inventory> {
  const { NODE_OPTIONS: _, ...variables } = env.variables;
  const child = env.spawn(process.execPath, [findProgram()], {
    stdio: ["ignore", "pipe", "pipe"],
    env: variables,
  });
  const parts: Buffer[] = [];
  let bytes = 0;
  let complaint = "";
  child.stdout?.on("data", (part: Buffer) => {
    parts.push(part);
    bytes += part.length;
    if (bytes > maximumReplyBytes) child.kill("SIGKILL");
  });
  child.stderr?.on("data", (part: Buffer) => {
    complaint = part.toString("utf8").trim().split("\n").at(-1) ?? "";
  });
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  return new Promise<Inventory>((resolve, reject) => {
    const refuse = (how: string): void =>
      reject(new WarpwatchError("PROGRAM_FAILED", `the inventory's child process ${how}`));
    child.on("error", (thrown) => refuse(`can't be started: ${describeError(thrown)}`));
    child.on("close", (code, ended) => {
      if (code === 0) resolve(JSON.parse(Buffer.concat(parts).toString("utf8")) as Inventory);
      else refuse(`ended with ${ended ?? code}${complaint === "" ? "" : ` (${complaint})`}`);
    });
  }).finally(() => signal.removeEventListener("abort", kill));
}

/** The program lies beside this file in a checkout, and beside the bundle in what ships. */
function findProgram(): string {
  const places = ["./inventory-program.ts", "./inventory-program.js"];
  const found = places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((file) => existsSync(file));
  if (found === undefined)
    throw new WarpwatchError(
      "LIBRARY_MISSING",
      "the inventory's program is missing from this installation",
    );
  return found;
}

function createReader(
  first: Inventory,
  gather: (signal: AbortSignal) => Promise<Inventory>,
): Reader {
  let known = first;
  /** Taken just now, and not yet written. */
  let fresh = true;
  let constants: [number, number][] = [];
  return {
    register(slots) {
      constants = declare(known, slots);
    },
    async read(column, signal) {
      if (!fresh) {
        const found = await gather(signal);
        const same = JSON.stringify(found) === JSON.stringify(known);
        known = found;
        fresh = !same;
        if (!same) return "changed";
      }
      fresh = false;
      for (const [slot, value] of constants) column[slot] = value;
      return undefined;
    },
    close() {
      // Nothing is kept open between readings.
    },
  };
}

function declare(inventory: Inventory, slots: SlotRegistrar): [number, number][] {
  const constants: [number, number][] = [
    [slots.slot(nodeInfo, inventory.node), 1],
    [slots.slot(processorInfo, inventory.processor), 1],
  ];
  for (const { bytes, ...module } of inventory.modules)
    constants.push(
      [slots.slot(memoryModuleInfo, module), 1],
      [slots.slot(memoryModuleSize, { slot: module.slot }), bytes],
    );
  for (const drive of inventory.drives) constants.push([slots.slot(driveInfo, drive), 1]);
  for (const nic of inventory.nics) constants.push([slots.slot(nicInfo, nic), 1]);
  return constants;
}

export function isThisMachine(paths: HostPaths): boolean {
  return (
    paths.procfs === defaultPaths.procfs &&
    paths.sysfs === defaultPaths.sysfs &&
    paths.rootfs === defaultPaths.rootfs
  );
}
