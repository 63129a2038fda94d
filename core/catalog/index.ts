/** The catalogue: every metric we author, by subject; the only barrel. */
import type { Metric, MetricFamily } from "./metric.ts";
import * as betweenReadings from "./between-readings.ts";
import * as cgroup from "./cgroup.ts";
import * as attribution from "./attribution.ts";
import * as collector from "./collector.ts";
import * as bcache from "./bcache.ts";
import * as cpu from "./cpu.ts";
import * as dcgm from "./dcgm.ts";
import * as disk from "./disk.ts";
import * as filesystem from "./filesystem.ts";
import * as findings from "./findings.ts";
import * as fleet from "./fleet.ts";
import * as foreign from "./foreign.ts";
import * as gpuAmd from "./gpu-amd.ts";
import * as gpuNeutral from "./gpu-neutral.ts";
import * as gpuDetails from "./gpu-details.ts";
import * as gpuErrors from "./gpu-errors.ts";
import * as gpuProfiling from "./gpu-profiling.ts";
import * as gpu from "./gpu.ts";
import * as history from "./history.ts";
import * as inventory from "./inventory.ts";
import * as memory from "./memory.ts";
import * as memoryLayout from "./memory-layout.ts";
import * as muting from "./muting.ts";
import * as network from "./network.ts";
import * as notify from "./notify.ts";
import * as pci from "./pci.ts";
import * as pressure from "./pressure.ts";
import * as rdma from "./rdma.ts";
import * as self from "./self.ts";
import * as cpuDetails from "./cpu-details.ts";
import * as drives from "./drives.ts";
import * as fabric from "./fabric.ts";
import * as identity from "./identity.ts";
import * as connections from "./connections.ts";
import * as gpuStack from "./gpu-stack.ts";
import * as mountstats from "./mountstats.ts";
import * as services from "./services.ts";
import * as kernel from "./kernel.ts";
import * as kernelLog from "./kernel-log.ts";
import * as netStatistics from "./net-statistics.ts";
import * as netclass from "./netclass.ts";
import * as sensors from "./sensors.ts";
import * as fileServers from "./file-servers.ts";
import * as nodeExporter from "./node-exporter.ts";
import * as filesystemInternals from "./filesystem-internals.ts";
import * as storage from "./storage.ts";
import * as stuckProcesses from "./stuck-processes.ts";
import * as system from "./system.ts";
import * as routes from "./routes.ts";
import * as tasks from "./tasks.ts";
import * as textfile from "./textfile.ts";
import * as ethtool from "./ethtool.ts";
import * as timex from "./timex.ts";
import * as volumes from "./volumes.ts";
import * as pciDevices from "./pci-devices.ts";
import * as chrony from "./chrony.ts";
import * as driveHealth from "./drive-health.ts";
import * as ipmi from "./ipmi.ts";

export {
  attribution,
  betweenReadings,
  cgroup,
  collector,
  cpu,
  dcgm,
  disk,
  filesystem,
  findings,
  fleet,
  foreign,
  gpu,
  gpuAmd,
  gpuDetails,
  gpuErrors,
  gpuNeutral,
  gpuProfiling,
  history,
  inventory,
  memory,
  muting,
  network,
  notify,
  pci,
  pressure,
  rdma,
  self,
  cpuDetails,
  drives,
  fabric,
  identity,
  connections,
  gpuStack,
  mountstats,
  services,
  kernel,
  kernelLog,
  netStatistics,
  netclass,
  sensors,
  fileServers,
  nodeExporter,
  filesystemInternals,
  stuckProcesses,
  system,
  textfile,
  ethtool,
  timex,
  chrony,
  driveHealth,
  ipmi,
  bcache,
  memoryLayout,
  pciDevices,
  routes,
  tasks,
  volumes,
  storage,
};

const subjects: readonly object[] = [
  attribution,
  betweenReadings,
  cgroup,
  collector,
  cpu,
  dcgm,
  disk,
  filesystem,
  findings,
  fleet,
  foreign,
  gpu,
  gpuAmd,
  gpuDetails,
  gpuErrors,
  gpuNeutral,
  gpuProfiling,
  history,
  inventory,
  memory,
  muting,
  network,
  notify,
  pci,
  pressure,
  rdma,
  self,
  cpuDetails,
  drives,
  fabric,
  identity,
  connections,
  gpuStack,
  mountstats,
  services,
  kernel,
  kernelLog,
  netStatistics,
  netclass,
  sensors,
  fileServers,
  nodeExporter,
  filesystemInternals,
  stuckProcesses,
  system,
  textfile,
  ethtool,
  timex,
  chrony,
  driveHealth,
  ipmi,
  bcache,
  memoryLayout,
  pciDevices,
  routes,
  tasks,
  volumes,
  storage,
];

/** Every metric and family, in the order of the subjects. */
export function allMetrics(): (Metric | MetricFamily)[] {
  return subjects.flatMap((subject) =>
    Object.values(subject).filter((entry: unknown) => isEntry(entry)),
  );
}

function isEntry(entry: unknown): entry is Metric | MetricFamily {
  return (
    typeof entry === "object" &&
    entry !== null &&
    "help" in entry &&
    ("name" in entry || "pattern" in entry)
  );
}
