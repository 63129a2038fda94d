/* How a GPU fails: ECC, rows, repairs, NVLink, fabric. */
#include "control.h"

#include <stdio.h>
#include <string.h>

nvmlReturn_t nvmlDeviceGetEccMode(struct device *handle, unsigned int *current, unsigned int *pending) {
  DEVICE_CALL(nvmlDeviceGetEccMode, handle);
  u64 mode;
  if (!has_count(device, "ecc.mode", &mode)) return NOT_SUPPORTED;
  *current = (unsigned int)mode;
  *pending = (unsigned int)count_or(device, "ecc.pending", mode);
  return SUCCESS;
}

/* `ecc.<corrected 0|uncorrected 1>.<volatile 0|aggregate 1>.<location>` */
nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(struct device *handle, unsigned int type, unsigned int counter,
                                             unsigned int location, u64 *count) {
  DEVICE_CALL(nvmlDeviceGetMemoryErrorCounter, handle);
  char key[48];
  snprintf(key, sizeof key, "ecc.%u.%u.%u", type, counter, location);
  return has_count(device, key, count) ? SUCCESS : NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetRemappedRows(struct device *handle, unsigned int *corrected, unsigned int *uncorrected,
                                       unsigned int *pending, unsigned int *failure) {
  DEVICE_CALL(nvmlDeviceGetRemappedRows, handle);
  u64 count;
  if (!has_count(device, "remap.corrected", &count)) return NOT_SUPPORTED;
  *corrected = (unsigned int)count;
  *uncorrected = (unsigned int)count_or(device, "remap.uncorrected", 0);
  *pending = (unsigned int)count_or(device, "remap.pending", 0);
  *failure = (unsigned int)count_or(device, "remap.failure", 0);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(struct device *handle, RemapHistogram *histogram) {
  DEVICE_CALL(nvmlDeviceGetRowRemapperHistogram, handle);
  u64 count;
  if (!has_count(device, "remap.banks_max", &count)) return NOT_SUPPORTED;
  histogram->max = (unsigned int)count;
  histogram->high = (unsigned int)count_or(device, "remap.banks_high", 0);
  histogram->partial = (unsigned int)count_or(device, "remap.banks_partial", 0);
  histogram->low = (unsigned int)count_or(device, "remap.banks_low", 0);
  histogram->none = (unsigned int)count_or(device, "remap.banks_none", 0);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSramEccErrorStatus(struct device *handle, SramStatus *status) {
  DEVICE_CALL(nvmlDeviceGetSramEccErrorStatus, handle);
  if (status->version != VERSION_OF(SramStatus, 1)) return VERSION_MISMATCH;
  u64 exceeded;
  if (!has_count(device, "sram.threshold_exceeded", &exceeded)) return NOT_SUPPORTED;
  status->aggregateUncParity = count_or(device, "sram.aggregate_parity", 0);
  status->aggregateUncSecDed = count_or(device, "sram.aggregate_secded", 0);
  status->aggregateCor = count_or(device, "sram.aggregate_corrected", 0);
  status->volatileUncParity = count_or(device, "sram.volatile_parity", 0);
  status->volatileUncSecDed = count_or(device, "sram.volatile_secded", 0);
  status->volatileCor = count_or(device, "sram.volatile_corrected", 0);
  status->bucketL2 = count_or(device, "sram.l2", 0);
  status->bucketSm = count_or(device, "sram.sm", 0);
  status->bucketPcie = count_or(device, "sram.pcie", 0);
  status->bucketMcu = count_or(device, "sram.mcu", 0);
  status->bucketOther = count_or(device, "sram.other", 0);
  status->thresholdExceeded = (unsigned int)exceeded;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetRepairStatus(struct device *handle, RepairStatus *status) {
  DEVICE_CALL(nvmlDeviceGetRepairStatus, handle);
  if (status->version != VERSION_OF(RepairStatus, 1)) return VERSION_MISMATCH;
  u64 channel;
  if (!has_count(device, "repair.channel", &channel)) return NOT_SUPPORTED;
  status->channelRepairPending = (unsigned int)channel;
  status->tpcRepairPending = (unsigned int)count_or(device, "repair.tpc", 0);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUnrepairableMemoryFlag_v1(struct device *handle, UnrepairableMemory *flag) {
  DEVICE_CALL(nvmlDeviceGetUnrepairableMemoryFlag_v1, handle);
  u64 value;
  if (!has_count(device, "unrepairable_memory", &value)) return NOT_SUPPORTED;
  flag->unrepairable = (unsigned int)value;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkState(struct device *handle, unsigned int link, unsigned int *isActive) {
  DEVICE_CALL(nvmlDeviceGetNvLinkState, handle);
  char key[32];
  snprintf(key, sizeof key, "nvlink.%u.state", link);
  u64 state;
  if (!has_count(device, key, &state)) return link < 36 ? NOT_SUPPORTED : INVALID_ARGUMENT;
  *isActive = (unsigned int)state;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(struct device *handle, unsigned int link, unsigned int *type) {
  DEVICE_CALL(nvmlDeviceGetNvLinkRemoteDeviceType, handle);
  char key[32];
  snprintf(key, sizeof key, "nvlink.%u.remote", link);
  u64 remote;
  if (!has_count(device, key, &remote)) return NOT_SUPPORTED;
  *type = (unsigned int)remote;
  return SUCCESS;
}

/* Version 3, and version 2 for callers that are older. */
nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(struct device *handle, FabricInfo *info) {
  DEVICE_CALL(nvmlDeviceGetGpuFabricInfoV, handle);
  int is_third = info->version == VERSION_OF(FabricInfo, 3) && count_or(NULL, "fabric_version", 3) >= 3;
  if (!is_third && info->version != FABRIC_VERSION_2) return VERSION_MISMATCH;
  u64 state;
  if (!has_count(device, "fabric.state", &state)) return NOT_SUPPORTED;
  memset(info->clusterUuid, 0xa5, sizeof info->clusterUuid);
  info->state = (unsigned char)state;
  info->status = (nvmlReturn_t)count_or(device, "fabric.status", 0);
  info->cliqueId = (unsigned int)count_or(device, "fabric.clique", 0);
  info->healthMask = (unsigned int)count_or(device, "fabric.health_mask", 0);
  if (is_third) info->healthSummary = (unsigned char)count_or(device, "fabric.health_summary", 0);
  return SUCCESS;
}
