/** The clock's source, over the kernel's own answer and over structures that are worked out by hand. */
import { expect, test } from "vitest";
import { createTimexSource, type AdjustTime } from "../../../../agent/sources/host/timex.ts";
import { makeHostContext, readSource } from "./context.ts";

/** A kernel whose structure has these 64-bit words; state and the 32-bit fields beside. */
function kernel(
  state: number,
  words: Readonly<Record<number, bigint>>,
  integers: Readonly<Record<number, number>>,
): () => Promise<AdjustTime> {
  return () =>
    Promise.resolve((structure) => {
      expect(structure.readUInt32LE(0)).toBe(0);
      for (const [offset, value] of Object.entries(words))
        structure.writeBigInt64LE(value, Number(offset));
      for (const [offset, value] of Object.entries(integers))
        structure.writeInt32LE(value, Number(offset));
      return state;
    });
}

test("gives every number in node_exporter's unit, by whether the kernel counts nanoseconds", async () => {
  const words = {
    8: -1_500_000n,
    16: 655_360n,
    24: 250_000n,
    32: 125n,
    48: 7n,
    88: 10_000n,
    96: -131_072n,
    104: 2_000n,
    120: 65_536n,
    128: 1n,
    136: 2n,
    144: 3n,
    152: 4n,
  };
  const fine = await readSource(
    createTimexSource(kernel(0, words, { 40: 0x2001, 112: 4, 160: 37 })),
    makeHostContext(),
  );
  expect(Object.fromEntries(fine)).toEqual({
    node_timex_sync_status: 1,
    node_timex_offset_seconds: -0.0015,
    node_timex_frequency_adjustment_ratio: 1.00001,
    node_timex_maxerror_seconds: 0.25,
    node_timex_estimated_error_seconds: 0.000125,
    node_timex_status: 0x2001,
    node_timex_loop_time_constant: 7,
    node_timex_tick_seconds: 0.01,
    node_timex_pps_frequency_hertz: -2e-6,
    node_timex_pps_jitter_seconds: 2e-6,
    node_timex_pps_shift_seconds: 4,
    node_timex_pps_stability_hertz: 1e-6,
    node_timex_pps_jitter_total: 1,
    node_timex_pps_calibration_total: 2,
    node_timex_pps_error_total: 3,
    node_timex_pps_stability_exceeded_total: 4,
    node_timex_tai_offset_seconds: 37,
  });
  const coarse = await readSource(
    createTimexSource(kernel(5, words, { 40: 0x41 })),
    makeHostContext(),
  );
  expect(coarse.get("node_timex_offset_seconds")).toBe(-1.5);
  expect(coarse.get("node_timex_pps_jitter_seconds")).toBe(0.002);
  expect(coarse.get("node_timex_sync_status")).toBe(0);
});

test("asks this machine's kernel", async () => {
  const samples = await readSource(createTimexSource(), makeHostContext());
  expect(samples.size).toBe(17);
  // A tick is 10 ms by the kernel's own definition, give or take what a daemon adjusts.
  expect(samples.get("node_timex_tick_seconds")).toBeCloseTo(0.01, 3);
  expect(samples.get("node_timex_frequency_adjustment_ratio")).toBeCloseTo(1, 3);
  expect([0, 1]).toContain(samples.get("node_timex_sync_status"));
});

test("is absent with a reason where the call is forbidden or can't be made", async () => {
  const never = new AbortController().signal;
  const forbidden = createTimexSource(() => Promise.resolve(() => -1));
  expect(await forbidden.open(makeHostContext(), never)).toEqual({
    absent: expect.stringContaining("seccomp") as string,
  });
  const missing = createTimexSource(() => Promise.reject(new Error("no such module")));
  expect(await missing.open(makeHostContext(), never)).toEqual({
    absent: expect.stringContaining("no such module") as string,
  });
});
