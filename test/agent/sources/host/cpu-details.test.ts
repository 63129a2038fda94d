import { expect, test } from "vitest";
import { parseRanges } from "../../../../agent/sources/host/cpu-details.ts";
import { gpuServer } from "../../../hosts/gpu-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

test("counts a core's and a package's throttling once, whatever their threads", async () => {
  const driven = await drive(sourceNamed("cpu_details"), gpuServer({ processors: 8 }));
  const samples = await driven.read();
  const names = [...samples.keys()].filter((name) => name.includes("throttles"));
  expect(names).toHaveLength(4 + 2);
  expect(samples.get('node_cpu_core_throttles_total{core="3",package="1"}')).toBe(9);
  expect(samples.get('node_cpu_package_throttles_total{package="0"}')).toBe(17);
  expect(samples.get('node_cpu_isolated{cpu="10"}')).toBe(1);
});

test("reads lists of processors and passes over what is none", () => {
  expect(parseRanges("0-2,7,9-8,x,-1, 4")).toEqual([0, 1, 2, 7, 4]);
  expect(parseRanges("")).toEqual([]);
  expect(parseRanges("0-99999999999").length).toBeLessThan(10_000);
});
