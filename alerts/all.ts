/** Every rule, in the order of the pages; a new rule is added here and nowhere else. */
import * as agent from "./agent.ts";
import * as fleet from "./fleet.ts";
import * as gpu from "./gpu.ts";
import * as host from "./host.ts";
import * as hostHardware from "./host-hardware.ts";
import * as hostHealth from "./host-health.ts";
import * as learned from "./learned.ts";
import type { Rule } from "./rule.ts";

export const allRules: readonly Rule[] = Object.freeze([
  fleet.agentGone,
  fleet.gpuMissing,
  agent.probeHangs,
  gpu.gpuXid,
  gpu.gpuXidUnknown,
  gpu.gpuHot,
  gpu.gpuMemoryNearlyFull,
  host.filesystemFilling,
  host.memoryExhausted,
  host.cpuPressure,
  host.cpuOverloaded,
  host.diskLatency,
  host.networkErrors,
  hostHardware.pciErrors,
  hostHardware.pciLinkDegraded,
  hostHardware.rdmaOutOfSequence,
  hostHardware.processStuck,
  hostHealth.driveFailing,
  hostHealth.powerSupplyFault,
  hostHealth.clockUncertain,
  learned.anomalyFinding,
  learned.limitForecast,
  learned.gpuFailureLikely,
]);
