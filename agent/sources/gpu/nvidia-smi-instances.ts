/** The MIG instances in `nvidia-smi -L`, whose UUIDs and profiles the report lacks. */

export interface InstanceName {
  readonly gpuUuid: string;
  /** The MIG device's number on its GPU, as the report has it. */
  readonly index: string;
  /** `MIG-…`; empty where it isn't listed. */
  readonly uuid: string;
  /** 1g.10gb; 1c.3g.71gb for a compute instance that is a part of its GPU instance. */
  readonly profile: string;
}

/** `GPU 0: NVIDIA H100 (UUID: GPU-…)`, and under it `  MIG 1g.10gb     Device  2: (UUID: MIG-…)`. */
export function readInstanceNames(lines: readonly string[]): InstanceName[] {
  const names: InstanceName[] = [];
  let gpuUuid = "";
  for (const line of lines) {
    gpuUuid = /^GPU \d+: .*\(UUID: (GPU-[^)]+)\)\s*$/.exec(line)?.[1] ?? gpuUuid;
    const match = /^\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[^)]+)\)\s*$/.exec(line);
    if (!match) continue;
    const [, profile = "", index = "", uuid = ""] = match;
    names.push({ gpuUuid, index, uuid, profile });
  }
  return names;
}
