/**
 * What NVML says by its oldest and plainest calls, one for each value, through prototypes of their own: none of the versioned
 * structures and bulk fields by which the agent reads. Truth: nvml.h.
 */
import koffi, { type KoffiFunc } from "koffi";
import type { Metric } from "../../core/catalog/metric.ts";
import * as details from "../../core/catalog/gpu-details.ts";
import * as errors from "../../core/catalog/gpu-errors.ts";
import * as gpu from "../../core/catalog/gpu.ts";
import type { Reference, ReferenceValue } from "./nvidia-smi-reference.ts";

type Answer = Readonly<Record<string, number | bigint>>;

interface Question {
  readonly call: string;
  readonly passed: readonly number[];
  /** The number it writes, or a structure of its own. */
  readonly type: string;
  readonly values: readonly {
    readonly metric: Metric;
    readonly member?: string;
    readonly divisor?: number;
  }[];
}

const success = 0;
const uuidBytes = 96;
const mebibyte = 1_048_576;

koffi.struct("verify_utilization", { gpu: "uint32_t", memory: "uint32_t" });
koffi.struct("verify_memory", { total: "uint64_t", free: "uint64_t", used: "uint64_t" });

const questions: readonly Question[] = [
  ask("nvmlDeviceGetTemperature", "uint32_t", gpu.temperature, { passed: [0] }),
  ask("nvmlDeviceGetPowerUsage", "uint32_t", gpu.powerUsage, { divisor: 1000 }),
  ask("nvmlDeviceGetEnforcedPowerLimit", "uint32_t", gpu.powerLimit, { divisor: 1000 }),
  ask("nvmlDeviceGetPowerManagementLimit", "uint32_t", details.powerLimitSet, { divisor: 1000 }),
  ask("nvmlDeviceGetTotalEnergyConsumption", "uint64_t", gpu.energyConsumption),
  ask("nvmlDeviceGetClockInfo", "uint32_t", gpu.smClock, { passed: [1] }),
  ask("nvmlDeviceGetClockInfo", "uint32_t", gpu.memoryClock, { passed: [2] }),
  ask("nvmlDeviceGetMaxClockInfo", "uint32_t", details.smClockMaximum, { passed: [1] }),
  ask("nvmlDeviceGetMaxClockInfo", "uint32_t", details.memoryClockMaximum, { passed: [2] }),
  ask("nvmlDeviceGetCurrPcieLinkWidth", "uint32_t", gpu.pcieWidth),
  ask("nvmlDeviceGetMaxPcieLinkWidth", "uint32_t", gpu.pcieWidthMaximum),
  ask("nvmlDeviceGetPcieReplayCounter", "uint32_t", gpu.pcieReplays),
  ask("nvmlDeviceGetPersistenceMode", "uint32_t", details.persistenceMode),
  ask("nvmlDeviceGetTotalEccErrors", "uint64_t", errors.eccSingleBitVolatile, { passed: [0, 0] }),
  ask("nvmlDeviceGetTotalEccErrors", "uint64_t", errors.eccDoubleBitVolatile, { passed: [1, 0] }),
  ask("nvmlDeviceGetTotalEccErrors", "uint64_t", errors.eccSingleBitAggregate, { passed: [0, 1] }),
  ask("nvmlDeviceGetTotalEccErrors", "uint64_t", errors.eccDoubleBitAggregate, { passed: [1, 1] }),
  {
    call: "nvmlDeviceGetUtilizationRates",
    passed: [],
    type: "verify_utilization",
    values: [
      { metric: gpu.utilization, member: "gpu" },
      { metric: gpu.memoryCopyUtilization, member: "memory" },
    ],
  },
  {
    call: "nvmlDeviceGetMemoryInfo",
    passed: [],
    type: "verify_memory",
    values: [
      { metric: details.memoryTotal, member: "total", divisor: mebibyte },
      { metric: gpu.memoryFree, member: "free", divisor: mebibyte },
    ],
  },
  {
    call: "nvmlDeviceGetBAR1MemoryInfo",
    passed: [],
    type: "verify_memory",
    values: [
      { metric: details.bar1Total, member: "total", divisor: mebibyte },
      { metric: details.bar1Used, member: "used", divisor: mebibyte },
    ],
  },
];

/** Null where the library can't be opened. Calls that it hasn't got, or the GPU doesn't support, are left out. */
export function createNvmlReference(path: string): Reference | null {
  let library;
  try {
    library = koffi.load(path);
  } catch {
    return null;
  }
  const bind = (
    name: string,
    types: readonly string[],
  ): KoffiFunc<(...values: unknown[]) => number> => library.func(name, "int", [...types]);
  if (bind("nvmlInit_v2", [])() !== success) return null;
  const count = [0];
  bind("nvmlDeviceGetCount_v2", ["_Out_ uint32_t *"])(count);
  const handleOf = bind("nvmlDeviceGetHandleByIndex_v2", ["uint32_t", "_Out_ uint64_t *"]);
  const uuidOf = bind("nvmlDeviceGetUUID", ["uint64_t", "void *", "uint32_t"]);
  const calls = questions.flatMap((question) => {
    const numbers = question.passed.map(() => "uint32_t");
    try {
      const types = ["uint64_t", ...numbers, `_Out_ ${question.type} *`];
      return [{ question, call: bind(question.call, types) }];
    } catch {
      return [];
    }
  });

  function readGpu(index: number): ReferenceValue[] {
    const handle: (number | bigint)[] = [0];
    if (handleOf(index, handle) !== success) return [];
    const bytes = Buffer.alloc(uuidBytes);
    uuidOf(handle[0], bytes, bytes.length);
    const uuid = bytes.toString("latin1", 0, bytes.indexOf(0));
    return calls.flatMap(({ question: { call: name, passed, values, type }, call }) => {
      const out: (number | bigint | Answer)[] = [type.startsWith("verify_") ? {} : 0];
      if (call(handle[0], ...passed, out) !== success) return [];
      return values.map(({ metric, member, divisor = 1 }) => ({
        what: `${[name, ...passed].join(" ")} as ${metric.name}`,
        uuid,
        metric,
        extraLabels: {},
        value: numberIn(out[0], member) / divisor,
      }));
    });
  }

  return () => Array.from({ length: count[0] ?? 0 }, (_, index) => index).flatMap(readGpu);
}

function numberIn(answer: number | bigint | Answer | undefined, member = ""): number {
  return Number(typeof answer === "object" ? answer[member] : answer);
}

function ask(
  call: string,
  type: string,
  metric: Metric,
  { passed = [], divisor = 1 }: { passed?: readonly number[]; divisor?: number } = {},
): Question {
  return { call, passed, type, values: [{ metric, divisor }] };
}
