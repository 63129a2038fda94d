/** What only DCGM tells: health, NVSwitches and their links, NVIDIA's own processors. Names and labels are dcgm-exporter's. */
import { dcgmLabelNames } from "./gpu-labels.ts";
import { defineMetric, type MetricKind, type Unit } from "./metric.ts";

export const switchLabelNames = ["nvswitch", "Hostname"] as const;

/** Of a link of an NVSwitch, or of a GPU; the other's labels are empty. */
export const linkLabelNames = [
  "nvlink",
  "nvswitch",
  "gpu",
  "gpu_uuid",
  "pci_bus_id",
  "device",
  "model_name",
  "hostname",
] as const;

export const cpuLabelNames = ["cpu", "Hostname"] as const;

export const gpuHealth = defineMetric({
  name: "DCGM_EXP_GPU_HEALTH_STATUS",
  kind: "gauge",
  help: "What DCGM's health watch found in this part of the GPU: 0 is good, 10 a warning, 20 a failure.",
  labels: [...dcgmLabelNames, "health_watch", "health_error_code"],
  sampling: "steady",
});
export const switchHealth = defineMetric({
  name: "warpwatch_nvswitch_health",
  kind: "gauge",
  help: "What DCGM's health watch found in the NVSwitch: 0 is good, 10 a warning, 20 a failure.",
  labels: ["nvswitch", "system"],
  sampling: "steady",
});

export const switchTemperature = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_TEMPERATURE_CURRENT",
  "gauge",
  "celsius",
  "Temperature of the NVSwitch in degrees Celsius.",
);
export const switchTemperatureSlowdown = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_TEMPERATURE_LIMIT_SLOWDOWN",
  "gauge",
  "celsius",
  "Temperature at which the NVSwitch slows itself down, in degrees Celsius.",
);
export const switchTemperatureShutdown = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_TEMPERATURE_LIMIT_SHUTDOWN",
  "gauge",
  "celsius",
  "Temperature at which the NVSwitch is switched off, in degrees Celsius.",
);
export const switchVoltage = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_VOLTAGE_MVOLT",
  "gauge",
  "none",
  "Voltage of the NVSwitch in millivolts.",
);
export const switchPowerCore = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_POWER_VDD",
  "gauge",
  "watts",
  "Power that the NVSwitch draws from its VDD rail, in watts.",
);
export const switchPowerDigital = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_POWER_DVDD",
  "gauge",
  "watts",
  "Power that the NVSwitch draws from its DVDD rail, in watts.",
);
export const switchPowerHigh = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_POWER_HVDD",
  "gauge",
  "watts",
  "Power that the NVSwitch draws from its HVDD rail, in watts.",
);
export const switchFatalErrors = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_FATAL_ERRORS",
  "gauge",
  "none",
  "Code of the last fatal error of the NVSwitch.",
);
export const switchNonFatalErrors = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_NON_FATAL_ERRORS",
  "gauge",
  "none",
  "Code of the last error of the NVSwitch that wasn't fatal.",
);
export const switchTransmitted = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_THROUGHPUT_TX",
  "counter",
  "none",
  "What the NVSwitch sent over all its links, as DCGM counts it.",
);
export const switchReceived = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_THROUGHPUT_RX",
  "counter",
  "none",
  "What the NVSwitch received over all its links, as DCGM counts it.",
);
export const switchResetRequired = ofSwitch(
  "DCGM_FI_DEV_NVSWITCH_RESET_REQUIRED",
  "gauge",
  "none",
  "1 when the NVSwitch has to be reset before it can be used.",
);

export const linkStatus = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_STATUS",
  "gauge",
  "State of a link of an NVSwitch: 0 is off, 1 safe, 2 active, 3 in error.",
);
export const linkTransmitted = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_THROUGHPUT_TX",
  "counter",
  "What one link of an NVSwitch sent, as DCGM counts it.",
);
export const linkReceived = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_THROUGHPUT_RX",
  "counter",
  "What one link of an NVSwitch received, as DCGM counts it.",
);
export const linkFatalErrors = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_FATAL_ERRORS",
  "counter",
  "Fatal errors of one link of an NVSwitch.",
);
export const linkNonFatalErrors = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_NON_FATAL_ERRORS",
  "counter",
  "Errors of one link of an NVSwitch that weren't fatal.",
);
export const linkReplayErrors = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_REPLAY_ERRORS",
  "counter",
  "Packets that one link of an NVSwitch had to send again.",
);
export const linkRecoveryErrors = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_RECOVERY_ERRORS",
  "counter",
  "How often one link of an NVSwitch had to be recovered.",
);
export const linkFlitErrors = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_FLIT_ERRORS",
  "counter",
  "Flow-control units that came with a wrong checksum over one link of an NVSwitch.",
);
export const linkChecksumErrors = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_CRC_ERRORS",
  "counter",
  "Data that came with a wrong checksum over the lanes of one link of an NVSwitch.",
);
export const linkEccErrors = ofLink(
  "DCGM_FI_DEV_NVSWITCH_LINK_ECC_ERRORS",
  "counter",
  "Errors that ECC found on the lanes of one link of an NVSwitch.",
);

export const cpuUtilization = ofCpu(
  "DCGM_FI_DEV_CPU_UTIL_TOTAL",
  "none",
  "How busy the NVIDIA processor is, as DCGM tells it.",
);
export const cpuTemperature = ofCpu(
  "DCGM_FI_DEV_CPU_TEMP_CURRENT",
  "celsius",
  "Temperature of the NVIDIA processor in degrees Celsius.",
);
export const cpuTemperatureWarning = ofCpu(
  "DCGM_FI_DEV_CPU_TEMP_WARNING",
  "celsius",
  "Temperature from which on the NVIDIA processor warns, in degrees Celsius.",
);
export const cpuTemperatureCritical = ofCpu(
  "DCGM_FI_DEV_CPU_TEMP_CRITICAL",
  "celsius",
  "Temperature that is critical to the NVIDIA processor, in degrees Celsius.",
);
export const cpuClock = ofCpu(
  "DCGM_FI_DEV_CPU_CLOCK_CURRENT",
  "none",
  "Clock of the NVIDIA processor at this moment, as DCGM tells it.",
);
export const cpuPower = ofCpu(
  "DCGM_FI_DEV_CPU_POWER_UTIL_CURRENT",
  "watts",
  "Power that the NVIDIA processor draws, in watts.",
);
export const cpuPowerLimit = ofCpu(
  "DCGM_FI_DEV_CPU_POWER_LIMIT",
  "watts",
  "Power limit of the NVIDIA processor, in watts.",
);
export const peripheralPower = ofCpu(
  "DCGM_FI_DEV_SYSIO_POWER_UTIL_CURRENT",
  "watts",
  "Power that the I/O of the NVIDIA processor draws, in watts.",
);
export const modulePower = ofCpu(
  "DCGM_FI_DEV_MODULE_POWER_UTIL_CURRENT",
  "watts",
  "Power that the module of processor and GPU draws, in watts.",
);

function ofSwitch(name: string, kind: MetricKind, unit: Unit, help: string) {
  return defineMetric({
    name,
    kind,
    unit,
    help,
    labels: switchLabelNames,
    sampling: "steady",
    compatibilityOnly: true,
  });
}

function ofLink(name: string, kind: MetricKind, help: string) {
  return defineMetric({
    name,
    kind,
    help,
    labels: linkLabelNames,
    sampling: "steady",
    compatibilityOnly: true,
  });
}

function ofCpu(name: string, unit: Unit, help: string) {
  return defineMetric({
    name,
    kind: "gauge",
    unit,
    help,
    labels: cpuLabelNames,
    sampling: "steady",
    compatibilityOnly: true,
  });
}
