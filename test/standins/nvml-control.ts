/** Drives the NVML stand-in: writes its control file, whole and in one step, whenever a test changes something. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { profileOf, type ControlValues, type ProfileName } from "./nvml-profiles.ts";

export interface NvmlControl {
  /** For WARPWATCH_STANDIN_CONTROL. */
  readonly path: string;
  /** Sets values of `system`, `gpu0`, `gpu0/mig1`; null takes one away. */
  change(scope: string, values: ControlValues): void;
  /** Several scopes in one step. */
  changeAll(changes: Readonly<Record<string, ControlValues>>): void;
  /** Splits the GPU into instances of these profiles (`1g.10gb`), or makes it whole again with none. */
  split(gpu: number, profiles: readonly string[]): void;
  /** The driver reports an event of the GPU; an XID unless another type is given. */
  report(gpu: number, data: number, type?: number): void;
  /** Living processes that loaded the library. */
  processes(): readonly number[];
  /** What those still hold in it, added up; a dead one's handles went with it. */
  opened(): Readonly<Record<string, number>>;
}

const xidEventType = 8;

export function createNvmlControl(
  folder: string,
  gpus: readonly ProfileName[] = ["h100"],
): NvmlControl {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "nvml-control");
  const scopes = new Map<string, Map<string, string>>();
  let events = 0;

  function assign(scope: string, values: ControlValues): void {
    const lines = scopes.get(scope) ?? new Map<string, string>();
    scopes.set(scope, lines);
    for (const [key, value] of Object.entries(values))
      if (value === null) lines.delete(key);
      else lines.set(key, String(value));
  }

  function write(): void {
    const lines = [...scopes].flatMap(([scope, values]) =>
      [...values].map(([key, value]) => `${scope} ${key} ${value}\n`),
    );
    writeFileSync(`${path}.new`, lines.join(""));
    renameSync(`${path}.new`, path);
  }

  function change(scope: string, values: ControlValues): void {
    assign(scope, values);
    write();
  }

  assign("system", {
    epoch: performance.timeOrigin / 1000,
    count: gpus.length,
    driver_version: "580.95.05",
    nvml_version: "13.580.95.05",
    cuda_version: 13_000,
  });
  gpus.forEach((profile, index) => assign(`gpu${index}`, profileOf(profile, index)));
  write();

  return {
    path,
    change,
    changeAll(changes) {
      for (const [scope, values] of Object.entries(changes)) assign(scope, values);
      write();
    },
    split(gpu, profiles) {
      for (const scope of scopes.keys()) if (scope.startsWith(`gpu${gpu}/`)) scopes.delete(scope);
      profiles.forEach((profile, index) =>
        assign(`gpu${gpu}/mig${index}`, instanceOf(scopes.get(`gpu${gpu}`), gpu, profile, index)),
      );
      change(`gpu${gpu}`, { "mig.mode": profiles.length > 0 ? 1 : 0 });
    },
    report(gpu, data, type = xidEventType) {
      events += 1;
      change("system", { events, [`event.${events}`]: `${gpu}:${type}:${data}` });
    },
    processes: () => listProcesses(path),
    opened: () => readOpened(path),
  };
}

function instanceOf(
  whole: ReadonlyMap<string, string> | undefined,
  gpu: number,
  profile: string,
  index: number,
): ControlValues {
  const [, slices = "1", gigabytes = "10"] = /^(\d+)g\.(\d+)gb/.exec(profile) ?? [];
  const bytes = Number(gigabytes) * 1_073_741_824;
  return {
    name: `${whole?.get("name") ?? "GPU"} MIG ${profile}`,
    uuid: `MIG-5a1e0000-0000-4000-8000-${String(gpu * 100 + index).padStart(12, "0")}`,
    gpu_instance: 7 + index,
    compute_instance: 0,
    "attributes.slices": slices,
    "attributes.memory": Number(gigabytes) * 1024,
    "memory.total": bytes,
    "memory.reserved": 0,
    "memory.used": (index + 1) * 1_048_576_000,
    "gpm.1": 50 + index,
    "gpm.2": 30 + index,
    "gpm.5": 20 + index,
    "gpm.10": 10 + index,
  };
}

function listProcesses(path: string): number[] {
  const mine = new RegExp(`^${basename(path)}\\.(\\d+)\\.open$`);
  return readdirSync(dirname(path))
    .map((name) => Number(mine.exec(name)?.[1]))
    .filter((pid) => existsSync(`/proc/${pid}`));
}

function readOpened(path: string): Record<string, number> {
  const sums: Record<string, number> = { library: 0, event_sets: 0, gpm_samples: 0 };
  for (const pid of listProcesses(path))
    for (const line of readFileSync(`${path}.${pid}.open`, "utf8").split("\n")) {
      const [kind = "", count = "0"] = line.split(" ");
      if (kind !== "") sums[kind] = (sums[kind] ?? 0) + Number(count);
    }
  return sums;
}
