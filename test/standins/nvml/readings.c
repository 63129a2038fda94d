/* What a GPU does: utilisation, memory, clocks, power, temperature, PCIe. */
#include "control.h"

#include <stdio.h>

#define COUNT(function, key)                                               \
  nvmlReturn_t function(struct device *handle, unsigned int *value) {      \
    DEVICE_CALL(function, handle);                                         \
    u64 number;                                                            \
    if (!has_count(device, key, &number)) return NOT_SUPPORTED;            \
    *value = (unsigned int)number;                                         \
    return SUCCESS;                                                        \
  }

COUNT(nvmlDeviceGetMinorNumber, "minor")
COUNT(nvmlDeviceGetArchitecture, "architecture")
COUNT(nvmlDeviceGetPersistenceMode, "persistence_mode")
COUNT(nvmlDeviceGetComputeMode, "compute_mode")
COUNT(nvmlDeviceGetVirtualizationMode, "virtualization_mode")
COUNT(nvmlDeviceGetPerformanceState, "performance_state")
COUNT(nvmlDeviceGetPowerUsage, "power")
COUNT(nvmlDeviceGetEnforcedPowerLimit, "power.enforced_limit")
COUNT(nvmlDeviceGetPowerManagementLimit, "power.limit")
COUNT(nvmlDeviceGetNumFans, "fans")
COUNT(nvmlDeviceGetCurrPcieLinkGeneration, "pcie.generation")
COUNT(nvmlDeviceGetCurrPcieLinkWidth, "pcie.width")
COUNT(nvmlDeviceGetMaxPcieLinkGeneration, "pcie.generation_max")
COUNT(nvmlDeviceGetMaxPcieLinkWidth, "pcie.width_max")
COUNT(nvmlDeviceGetPcieReplayCounter, "pcie.replays")
COUNT(nvmlDeviceGetAccountingMode, "accounting.mode")
COUNT(nvmlDeviceGetAccountingBufferSize, "accounting.buffer")

#define LONG_COUNT(function, key)                                          \
  nvmlReturn_t function(struct device *handle, u64 *value) {               \
    DEVICE_CALL(function, handle);                                         \
    return has_count(device, key, value) ? SUCCESS : NOT_SUPPORTED;        \
  }

LONG_COUNT(nvmlDeviceGetTotalEnergyConsumption, "energy")
LONG_COUNT(nvmlDeviceGetCurrentClocksEventReasons, "throttle.reasons")
LONG_COUNT(nvmlDeviceGetCurrentClocksThrottleReasons, "throttle.reasons")
LONG_COUNT(nvmlDeviceGetSupportedClocksEventReasons, "throttle.supported")

/* `key.<which>` */
#define INDEXED_COUNT(function, key)                                                              \
  nvmlReturn_t function(struct device *handle, unsigned int which, unsigned int *value) {         \
    DEVICE_CALL(function, handle);                                                                \
    char name[64];                                                                                \
    snprintf(name, sizeof name, key ".%u", which);                                                \
    u64 number;                                                                                   \
    if (!has_count(device, name, &number)) return NOT_SUPPORTED;                                  \
    *value = (unsigned int)number;                                                                \
    return SUCCESS;                                                                               \
  }

INDEXED_COUNT(nvmlDeviceGetClockInfo, "clock")
INDEXED_COUNT(nvmlDeviceGetMaxClockInfo, "clock_max")
INDEXED_COUNT(nvmlDeviceGetTemperature, "temperature")
INDEXED_COUNT(nvmlDeviceGetTemperatureThreshold, "temperature_threshold")
INDEXED_COUNT(nvmlDeviceGetFanSpeed_v2, "fan")
INDEXED_COUNT(nvmlDeviceGetPcieThroughput, "pcie.throughput")

#define ENGINE(function, key)                                                                        \
  nvmlReturn_t function(struct device *handle, unsigned int *value, unsigned int *periodMicroseconds) { \
    DEVICE_CALL(function, handle);                                                                   \
    u64 number;                                                                                      \
    if (!has_count(device, key, &number)) return NOT_SUPPORTED;                                      \
    *value = (unsigned int)number;                                                                   \
    *periodMicroseconds = 167000;                                                                    \
    return SUCCESS;                                                                                  \
  }

ENGINE(nvmlDeviceGetEncoderUtilization, "utilization.encoder")
ENGINE(nvmlDeviceGetDecoderUtilization, "utilization.decoder")
ENGINE(nvmlDeviceGetJpgUtilization, "utilization.jpeg")
ENGINE(nvmlDeviceGetOfaUtilization, "utilization.ofa")

nvmlReturn_t nvmlDeviceGetUtilizationRates(struct device *handle, Utilization *utilization) {
  DEVICE_CALL(nvmlDeviceGetUtilizationRates, handle);
  u64 gpu;
  /* Of a GPU that is split the driver knows no utilisation. */
  if (count_or(device, "mig.mode", 0) == 1 || !has_count(device, "utilization.gpu", &gpu)) return NOT_SUPPORTED;
  utilization->gpu = (unsigned int)gpu;
  utilization->memory = (unsigned int)count_or(device, "utilization.memory", 0);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(struct device *handle, MemoryV2 *memory) {
  DEVICE_CALL(nvmlDeviceGetMemoryInfo_v2, handle);
  if (memory->version != VERSION_OF(MemoryV2, 2)) return VERSION_MISMATCH;
  if (!has_count(device, "memory.total", &memory->total)) return NOT_SUPPORTED;
  memory->reserved = count_or(device, "memory.reserved", 0);
  memory->used = count_or(device, "memory.used", 0);
  memory->free = memory->total - memory->reserved - memory->used;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(struct device *handle, Memory *memory) {
  DEVICE_CALL(nvmlDeviceGetMemoryInfo, handle);
  if (!has_count(device, "memory.total", &memory->total)) return NOT_SUPPORTED;
  memory->used = count_or(device, "memory.used", 0) + count_or(device, "memory.reserved", 0);
  memory->free = memory->total - memory->used;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(struct device *handle, Bar1Memory *memory) {
  DEVICE_CALL(nvmlDeviceGetBAR1MemoryInfo, handle);
  if (!has_count(device, "bar1.total", &memory->total)) return NOT_SUPPORTED;
  memory->used = count_or(device, "bar1.used", 0);
  memory->free = memory->total - memory->used;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(struct device *handle, unsigned int *lowest, unsigned int *highest) {
  DEVICE_CALL(nvmlDeviceGetPowerManagementLimitConstraints, handle);
  u64 limit;
  if (!has_count(device, "power.limit_max", &limit)) return NOT_SUPPORTED;
  *highest = (unsigned int)limit;
  *lowest = (unsigned int)count_or(device, "power.limit_min", 0);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperatureV(struct device *handle, Temperature *temperature) {
  DEVICE_CALL(nvmlDeviceGetTemperatureV, handle);
  if (temperature->version != VERSION_OF(Temperature, 1)) return VERSION_MISMATCH;
  char key[32];
  snprintf(key, sizeof key, "temperature.%u", temperature->sensor);
  double degrees;
  if (!has_number(device, key, &degrees)) return NOT_SUPPORTED;
  temperature->temperature = (int)degrees;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(struct device *handle, MarginTemperature *margin) {
  DEVICE_CALL(nvmlDeviceGetMarginTemperature, handle);
  if (margin->version != VERSION_OF(MarginTemperature, 1)) return VERSION_MISMATCH;
  double degrees;
  if (!has_number(device, "temperature_margin", &degrees)) return NOT_SUPPORTED;
  margin->margin = (int)degrees;
  return SUCCESS;
}
