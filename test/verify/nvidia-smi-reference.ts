/** What nvidia-smi says, asked once for all it knows of what the agent tells. Truth: its own help text and CSV. */
import { spawnSync } from "node:child_process";
import type { Metric } from "../../core/catalog/metric.ts";
import { measuredFields } from "../../agent/sources/gpu/nvidia-smi-fields.ts";

export interface ReferenceValue {
  readonly what: string;
  readonly uuid: string;
  readonly metric: Metric;
  readonly extraLabels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A round of all GPUs. Throws with nvidia-smi's own words. */
export type Reference = () => ReferenceValue[];

const timeoutMilliseconds = 60_000;

/** Null where there is no nvidia-smi, or it knows of no GPU. */
export function createNvidiaSmiReference(): Reference | null {
  const listed = spawnSync("nvidia-smi", ["-L"], {
    encoding: "utf8",
    timeout: timeoutMilliseconds,
  });
  if (listed.status !== 0 || !/^GPU \d+:/m.test(listed.stdout)) return null;
  const known = new Set(
    [...run(["--help-query-gpu"]).matchAll(/"([\w.]+)"/g)].map(([, name = ""]) => name),
  );
  const asked = measuredFields.flatMap(({ names, targets }) => {
    const name = names.find((each) => known.has(each));
    return name === undefined ? [] : [{ name, targets }];
  });
  const query = `--query-gpu=${["uuid", ...asked.map(({ name }) => name)].join(",")}`;
  return () =>
    run([query, "--format=csv,noheader"])
      .split("\n")
      .filter((line) => line !== "")
      .flatMap((line) => {
        const [uuid = "", ...cells] = line.split(", ");
        return asked.flatMap(({ name, targets }, index) =>
          targets.flatMap(({ metric, extraLabels, readCell }) => {
            const value = readCell((cells[index] ?? "").trim());
            if (Number.isNaN(value)) return [];
            const told = Object.values(extraLabels).join(" ");
            const what = `nvidia-smi ${name} as ${metric.name} ${told}`.trimEnd();
            return [{ what, uuid, metric, extraLabels, value }];
          }),
        );
      });
}

function run(flags: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync("nvidia-smi", flags, {
    encoding: "utf8",
    timeout: timeoutMilliseconds,
  });
  if (status === 0) return stdout;
  throw new Error(`nvidia-smi ${flags.join(" ")}: ${error?.message ?? stdout + stderr}`);
}
