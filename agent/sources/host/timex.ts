/**
 * How the kernel keeps its clock: adjtimex(2), which Node.js doesn't offer. The call copies numbers and waits for nothing,
 * so it is made here through koffi: that adds 1 MB to a running agent, where a probe of its own would take 50.
 */
import * as timex from "../../../core/catalog/timex.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import { absent, type Reader, type Source } from "../source.ts";

/** Fills the structure with what the kernel says; returns the clock's state, or less than zero. */
export type AdjustTime = (structure: Buffer) => number;

/** `struct timex` on 64-bit machines; its first word, which says what to set, stays 0. */
const structureBytes = 208;
const at = {
  offset: 8,
  frequency: 16,
  maximumError: 24,
  estimatedError: 32,
  status: 40,
  constant: 48,
  tick: 88,
  pulseFrequency: 96,
  jitter: 104,
  shift: 112,
  stability: 120,
  jitterCount: 128,
  calibrationCount: 136,
  errorCount: 144,
  stabilityCount: 152,
  taiOffset: 160,
} as const;

/** What the call returns when the clock is kept by nobody. */
const unsynchronized = 5;
/** The status bit that says that offset and jitter are nanoseconds. */
const nanosecondBit = 0x2000;
const microseconds = 1e6;
/** Parts per million with 16 bits of fraction. */
const scaledParts = 65_536e6;

const metrics = [
  timex.syncStatus,
  timex.offset,
  timex.frequencyAdjustment,
  timex.maximumError,
  timex.estimatedError,
  timex.status,
  timex.loopTimeConstant,
  timex.tick,
  timex.pulseFrequency,
  timex.pulseJitter,
  timex.pulseShift,
  timex.pulseStability,
  timex.pulseJitterExceeded,
  timex.pulseCalibrations,
  timex.pulseErrors,
  timex.pulseStabilityExceeded,
  timex.taiOffset,
];

/** `load` is another's only in tests. */
export function createTimexSource(load: () => Promise<AdjustTime> = loadAdjustTime): Source {
  return {
    name: "timex",
    metrics,
    sampling: "fast",
    async open() {
      let adjustTime: AdjustTime;
      try {
        adjustTime = await load();
      } catch (thrown) {
        return absent(`koffi can't be loaded, so adjtimex isn't called: ${describeError(thrown)}`);
      }
      if (adjustTime(Buffer.alloc(structureBytes)) < 0)
        return absent("the kernel refuses adjtimex: does a seccomp profile forbid it?");
      return createReader(adjustTime);
    },
  };
}

function createReader(adjustTime: AdjustTime): Reader {
  const structure = Buffer.alloc(structureBytes);
  let slots: number[] = [];
  return {
    register(registrar) {
      slots = metrics.map((metric) => registrar.slot(metric, {}));
    },
    read(column) {
      structure.fill(0);
      const state = adjustTime(structure);
      if (state < 0) throw new WarpwatchError("PATH_UNREADABLE", "the kernel refuses adjtimex");
      valuesOf(structure, state).forEach((value, index) => {
        column[slots[index] ?? -1] = value;
      });
      return undefined;
    },
    close() {},
  };
}

/** In the order of the metrics. */
function valuesOf(structure: Buffer, state: number): number[] {
  const long = (offset: number): number => Number(structure.readBigInt64LE(offset));
  const status = structure.readInt32LE(at.status);
  const fine = (status & nanosecondBit) === 0 ? microseconds : 1e9;
  return [
    state === unsynchronized ? 0 : 1,
    long(at.offset) / fine,
    1 + long(at.frequency) / scaledParts,
    long(at.maximumError) / microseconds,
    long(at.estimatedError) / microseconds,
    status,
    long(at.constant),
    long(at.tick) / microseconds,
    long(at.pulseFrequency) / scaledParts,
    long(at.jitter) / fine,
    structure.readInt32LE(at.shift),
    long(at.stability) / scaledParts,
    long(at.jitterCount),
    long(at.calibrationCount),
    long(at.errorCount),
    long(at.stabilityCount),
    structure.readInt32LE(at.taiOffset),
  ];
}

async function loadAdjustTime(): Promise<AdjustTime> {
  const { default: koffi } = await import("koffi");
  const call = koffi.load(null).func("int adjtimex(void *structure)");
  return (structure) => call(structure) as number;
}
