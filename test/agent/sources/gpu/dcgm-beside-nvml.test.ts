import { describe, expect, test } from "vitest";
import { gpuSources } from "../../../../agent/sources/gpu/all.ts";
import { createServedSeries } from "../../../../agent/sources/gpu/served-series.ts";
import type { Reader } from "../../../../agent/sources/source.ts";
import { labelsOf } from "../../../../core/wire/frame.ts";
import { createSeriesList } from "../../../../core/wire/slots.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { buildDcgmStandIn, buildNvmlStandIn } from "../../../standins/build.ts";
import { address, createDcgmControl, fields } from "../../../standins/dcgm-control.ts";
import { createNvmlControl } from "../../../standins/nvml-control.ts";
import { uuidOf, type ProfileName } from "../../../standins/nvml-profiles.ts";
import { makeDcgmContext } from "./dcgm-harness.ts";

/** Names and GPUs of the present samples, by the source that gives them. */
async function readAll(
  profile: ProfileName,
  present: (samples: ReadonlyMap<string, readonly string[]>) => boolean,
): Promise<Map<string, string[]>> {
  const nvmlControl = createNvmlControl(makeFolder(), [profile]);
  const control = createDcgmControl(makeFolder(), 1);
  control.field(1, 0, fields.uuid, uuidOf(0));
  const { context } = makeDcgmContext(control, buildDcgmStandIn(), {
    WARPWATCH_STANDIN_CONTROL: nvmlControl.path,
    WARPWATCH_NVML_LIBRARY: buildNvmlStandIn(),
  });
  const sources = gpuSources({ dcgm: { address, collectorsFile: "" } }, createServedSeries());
  const readers = new Map<string, Reader>();
  for (const source of sources) {
    const opened = await source.open(context, AbortSignal.timeout(8000));
    if ("absent" in opened) continue;
    readers.set(source.name, opened);
    opened.register(createSeriesList(20_000));
  }
  const samples = new Map<string, string[]>();
  for (const deadline = performance.now() + 8000; performance.now() < deadline;) {
    for (const [name, reader] of readers) samples.set(name, await readOnce(reader));
    if (present(samples)) return samples;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error("it never came to that");
}

async function readOnce(reader: Reader): Promise<string[]> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const list = createSeriesList(20_000);
    reader.register(list);
    const column = new Float64Array(list.series.length).fill(Number.NaN);
    if ((await reader.read(column, AbortSignal.timeout(2000))) === "changed") continue;
    return list.series
      .filter((_, slot) => !Number.isNaN(column[slot]))
      .map((series) => `${series.metric.name} ${JSON.stringify(labelsOf(series))}`);
  }
  throw new Error("it changes with every read");
}

const isOf = (prefix: string, all: readonly string[] = []): boolean =>
  all.some((name) => name.startsWith(prefix));

describe("DCGM beside NVML", () => {
  test("adds what NVML doesn't tell of this chip, and no series twice", async () => {
    const samples = await readAll("a100", (found) => isOf("DCGM_FI_PROF_", found.get("dcgm")));
    const all = [...samples.values()].flat();
    expect(new Set(all).size).toBe(all.length);
    expect(samples.get("dcgm")?.map((name) => name.split(" ")[0])).toEqual([
      "DCGM_FI_PROF_SM_ACTIVE",
      "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    ]);
    expect(isOf("DCGM_EXP_GPU_HEALTH_STATUS", samples.get("dcgm_details"))).toBe(true);
    expect(isOf("DCGM_FI_DEV_GPU_TEMP", samples.get("nvml"))).toBe(true);
    expect(samples.has("nvidia_smi")).toBe(false);
  });

  test("leaves profiling to NVML on Hopper", async () => {
    const samples = await readAll("h100", (found) => isOf("DCGM_FI_PROF_", found.get("nvml")));
    expect(samples.get("dcgm")).toEqual([]);
    const all = [...samples.values()].flat();
    expect(new Set(all).size).toBe(all.length);
  });
});
