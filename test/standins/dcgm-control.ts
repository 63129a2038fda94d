/** Drives the DCGM stand-in: writes its control file, whole and in one step, whenever a test changes something. */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { entityGroups } from "../../agent/probes/dcgm/layouts.ts";

export type ControlValues = Record<string, string | number | null>;

export interface DcgmControl {
  /** For WARPWATCH_DCGM_STANDIN_CONTROL. */
  readonly path: string;
  /** Sets values of `system` or of an entity, `1:0` for GPU 0; null takes one away. */
  change(scope: string, values: ControlValues): void;
  /** A field's value of one entity: a number, a text, `blank`, `not_supported`, `status -14`; null for none. */
  field(group: number, id: number, field: number, value: string | number | null): void;
  /** Which entities of a group there are. */
  list(group: number, ids: readonly number[]): void;
  /** A host engine ends; another one starts. */
  stopEngine(): void;
  startEngine(): void;
  /** What the processes that loaded the library still hold, added up. */
  opened(): Readonly<Record<string, number>>;
}

export const address = "localhost:5555";

/** Numbers of fields, as dcgm_fields.h has them. */
export const fields = {
  driver: 1,
  name: 50,
  index: 52,
  serial: 53,
  uuid: 54,
  pciBusId: 57,
  temperature: 150,
  power: 155,
  utilization: 203,
  memoryUsed: 252,
  switchTemperature: 858,
  linkCrcErrors: 787,
  smActive: 1002,
  tensorActive: 1004,
  cpuTemperature: 1110,
  cpuPower: 1130,
} as const;

export function uuidOf(gpu: number): string {
  return `GPU-5a1e0000-0000-4000-8000-${String(gpu).padStart(12, "0")}`;
}

/** A host engine with so many A100. */
export function createDcgmControl(folder: string, gpus = 2): DcgmControl {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "dcgm-control");
  const scopes = new Map<string, Map<string, string>>();
  let engines = 1;

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

  const ids = Array.from({ length: gpus }, (_, index) => index);
  assign("system", { engine: engines, address, [`entities.${entityGroups.gpu}`]: ids.join(" ") });
  for (const id of ids) assign(`${entityGroups.gpu}:${id}`, valuesOf(id));
  write();

  return {
    path,
    change,
    field: (group, id, field, value) => change(`${group}:${id}`, { [`field.${field}`]: value }),
    list: (group, members) =>
      change("system", { [`entities.${group}`]: members.length > 0 ? members.join(" ") : null }),
    stopEngine: () => change("system", { engine: 0 }),
    startEngine() {
      engines += 1;
      change("system", { engine: engines });
    },
    opened: () => readOpened(path),
  };
}

function valuesOf(gpu: number): ControlValues {
  const values: Readonly<Record<number, string | number>> = {
    [fields.driver]: "580.95.05",
    [fields.name]: "NVIDIA A100-SXM4-80GB",
    [fields.index]: gpu,
    [fields.serial]: `132392100${gpu}`,
    [fields.uuid]: uuidOf(gpu),
    [fields.pciBusId]: `00000000:${String(10 + gpu)}:00.0`,
    [fields.temperature]: 45 + gpu,
    [fields.power]: 301.5 + gpu,
    [fields.utilization]: 80 + gpu,
    [fields.memoryUsed]: 10_000 + gpu,
    [fields.smActive]: 0.75,
    [fields.tensorActive]: 0.5,
  };
  return Object.fromEntries(
    Object.entries(values).map(([field, value]) => [`field.${field}`, value]),
  );
}

function readOpened(path: string): Record<string, number> {
  const sums: Record<string, number> = {};
  const mine = new RegExp(`^${basename(path)}\\.\\d+\\.open$`);
  for (const name of readdirSync(dirname(path)).filter((each) => mine.test(each)))
    for (const line of readFileSync(join(dirname(path), name), "utf8").split("\n")) {
      const [kind = "", count = "0"] = line.split(" ");
      if (kind !== "") sums[kind] = (sums[kind] ?? 0) + Number(count);
    }
  return sums;
}
