/** The GPUs that NVIDIA's driver has bound, whether or not they still work: /proc/driver/nvidia/gpus, a folder per PCI address. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface BoundGpu {
  /** Of the form that NVML gives: `00000000:BA:00.0`. */
  readonly pciBusId: string;
  /** `PCI-00000000:BA:00.0` where the driver hasn't read the GPU's own. */
  readonly uuid: string;
  readonly model: string;
}

const maximumGpus = 64;
const longestFileCharacters = 4096;

/** None where there is no such folder or it can't be read. */
export function readBoundGpus(procfs: string): BoundGpu[] {
  const folder = join(procfs, "driver/nvidia/gpus");
  let addresses: string[];
  try {
    addresses = readdirSync(folder);
  } catch {
    return [];
  }
  return addresses.slice(0, maximumGpus).flatMap((address) => {
    const pciBusId = spellAsNvml(address);
    if (pciBusId === undefined) return [];
    const text = readText(join(folder, address, "information"));
    const model = /^Model:\s*(.+?)\s*$/m.exec(text)?.[1] ?? "";
    const uuid = /^GPU UUID:\s*(GPU-[0-9a-f-]{36})\s*$/m.exec(text)?.[1] ?? `PCI-${pciBusId}`;
    return [{ pciBusId, uuid, model }];
  });
}

function spellAsNvml(address: string): string | undefined {
  const match = /^([0-9a-f]{4,8}):([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/i.exec(address);
  return match ? `${match[1]?.padStart(8, "0")}:${match[2]}`.toUpperCase() : undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(0, longestFileCharacters);
  } catch {
    return "";
  }
}
