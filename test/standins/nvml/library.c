/* Opening and closing, the system, and what tells the devices apart. */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static nvmlReturn_t open_library(const char *function) {
  nvmlReturn_t code = enter_uninitialized(function);
  if (code == SUCCESS) count_opened(OPENED_LIBRARY, 1);
  return code;
}

nvmlReturn_t nvmlInit_v2(void) { return open_library("nvmlInit_v2"); }

nvmlReturn_t nvmlInit(void) { return open_library("nvmlInit"); }

nvmlReturn_t nvmlInitWithFlags(unsigned int flags) {
  (void)flags;
  return open_library("nvmlInitWithFlags");
}

nvmlReturn_t nvmlShutdown(void) {
  nvmlReturn_t code = enter_system("nvmlShutdown");
  if (code == SUCCESS) count_opened(OPENED_LIBRARY, -1);
  return code;
}

const char *nvmlErrorString(nvmlReturn_t code) {
  static const struct { nvmlReturn_t code; const char *text; } texts[] = {
    {SUCCESS, "The operation was successful"},
    {UNINITIALIZED, "NVML was not first initialized"},
    {NOT_SUPPORTED, "The operation is not available on this device"},
    {9, "NVIDIA driver is not loaded"},
    {GPU_IS_LOST, "The GPU has fallen off the bus"},
    {18, "Driver/library version mismatch"},
  };
  for (size_t index = 0; index < sizeof texts / sizeof *texts; index += 1)
    if (texts[index].code == code) return texts[index].text;
  return "Unknown Error";
}

static nvmlReturn_t give_text(struct device *device, const char *key, char *text, unsigned int length) {
  if (!text) return INVALID_ARGUMENT;
  char whole[256];
  if (!has_text(device, key, whole, sizeof whole)) return NOT_SUPPORTED;
  if (strlen(whole) >= length) return INSUFFICIENT_SIZE;
  strcpy(text, whole);
  return SUCCESS;
}

#define SYSTEM_TEXT(function, key)                             \
  nvmlReturn_t function(char *text, unsigned int length) {     \
    nvmlReturn_t entered = enter_system(#function);            \
    return entered != SUCCESS ? entered : give_text(NULL, key, text, length); \
  }

SYSTEM_TEXT(nvmlSystemGetDriverVersion, "driver_version")
SYSTEM_TEXT(nvmlSystemGetNVMLVersion, "nvml_version")

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) {
  nvmlReturn_t entered = enter_system("nvmlSystemGetCudaDriverVersion_v2");
  if (entered != SUCCESS) return entered;
  *version = (int)count_or(NULL, "cuda_version", 12040);
  return SUCCESS;
}

static unsigned int gpu_count(void) {
  u64 count = count_or(NULL, "count", 0);
  return count > MAXIMUM_GPUS ? MAXIMUM_GPUS : (unsigned int)count;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
  nvmlReturn_t entered = enter_system("nvmlDeviceGetCount_v2");
  if (entered == SUCCESS) *count = gpu_count();
  return entered;
}

/* `slot` lets a test renumber the GPUs: the index says which of the file's GPUs it is now. */
static struct device *device_at(unsigned int index) {
  char key[32];
  snprintf(key, sizeof key, "index.%u", index);
  return device_of((int)count_or(NULL, key, index), WHOLE);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, struct device **found) {
  nvmlReturn_t code = enter_system("nvmlDeviceGetHandleByIndex_v2");
  if (code != SUCCESS) return code;
  if (index >= gpu_count()) return INVALID_ARGUMENT;
  DEVICE_CALL(nvmlDeviceGetHandleByIndex_v2, device_at(index));
  *found = device;
  return SUCCESS;
}

static int is_called(struct device *device, const char *key, const char *wanted) {
  char text[128];
  return has_text(device, key, text, sizeof text) && strcmp(text, wanted) == 0;
}

static nvmlReturn_t find_handle(const char *function, const char *key, const char *wanted, struct device **found) {
  nvmlReturn_t entered = enter_system(function);
  if (entered != SUCCESS) return entered;
  for (unsigned int index = 0; index < gpu_count(); index += 1) {
    struct device *device = device_at(index);
    if (!is_called(device, key, wanted)) continue;
    *found = device;
    return enter(device, function);
  }
  return NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, struct device **found) {
  return find_handle("nvmlDeviceGetHandleByUUID", "uuid", uuid, found);
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *address, struct device **found) {
  return find_handle("nvmlDeviceGetHandleByPciBusId_v2", "pci_bus_id", address, found);
}

#define DEVICE_TEXT(function, key)                                                  \
  nvmlReturn_t function(struct device *handle, char *text, unsigned int length) {   \
    DEVICE_CALL(function, handle);                                                  \
    return give_text(device, key, text, length);                                    \
  }

DEVICE_TEXT(nvmlDeviceGetName, "name")
DEVICE_TEXT(nvmlDeviceGetUUID, "uuid")
DEVICE_TEXT(nvmlDeviceGetSerial, "serial")
DEVICE_TEXT(nvmlDeviceGetVbiosVersion, "vbios_version")
DEVICE_TEXT(nvmlDeviceGetInforomImageVersion, "inforom_image")
DEVICE_TEXT(nvmlDeviceGetBoardPartNumber, "part_number")

nvmlReturn_t nvmlDeviceGetIndex(struct device *handle, unsigned int *index) {
  DEVICE_CALL(nvmlDeviceGetIndex, handle);
  for (unsigned int candidate = 0; candidate < gpu_count(); candidate += 1)
    if (device_at(candidate) == device) {
      *index = candidate;
      return SUCCESS;
    }
  return NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(struct device *handle, PciInfo *info) {
  DEVICE_CALL(nvmlDeviceGetPciInfo_v3, handle);
  memset(info, 0, sizeof *info);
  if (!has_text(device, "pci_bus_id", info->busId, sizeof info->busId)) return NOT_SUPPORTED;
  sscanf(info->busId, "%x:%x:%x", &info->domain, &info->bus, &info->device);
  snprintf(info->busIdLegacy, sizeof info->busIdLegacy, "%04x:%02x:%02x.0", info->domain & 0xffff, info->bus & 0xff,
           info->device & 0xff);
  info->pciDeviceId = (unsigned int)count_or(device, "pci_device_id", 0);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCudaComputeCapability(struct device *handle, int *major, int *minor) {
  DEVICE_CALL(nvmlDeviceGetCudaComputeCapability, handle);
  u64 version;
  if (!has_count(device, "compute_capability", &version)) return NOT_SUPPORTED;
  *major = (int)(version / 10);
  *minor = (int)(version % 10);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPlatformInfo(struct device *handle, PlatformInfo *info) {
  DEVICE_CALL(nvmlDeviceGetPlatformInfo, handle);
  if (info->version != VERSION_OF(PlatformInfo, 2)) return VERSION_MISMATCH;
  u64 slot;
  if (!has_count(device, "platform.slot", &slot)) return NOT_SUPPORTED;
  has_text(device, "platform.chassis", (char *)info->chassisSerialNumber, sizeof info->chassisSerialNumber);
  info->slotNumber = (unsigned char)slot;
  info->trayIndex = (unsigned char)count_or(device, "platform.tray", 0);
  info->hostId = (unsigned char)count_or(device, "platform.host", 0);
  info->moduleId = (unsigned char)count_or(device, "platform.module", 0);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigMode(struct device *handle, unsigned int *current, unsigned int *pending) {
  DEVICE_CALL(nvmlDeviceGetMigMode, handle);
  u64 mode;
  if (!has_count(device, "mig.mode", &mode)) return NOT_SUPPORTED;
  *current = (unsigned int)mode;
  *pending = (unsigned int)count_or(device, "mig.pending", mode);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(struct device *handle, unsigned int *count) {
  DEVICE_CALL(nvmlDeviceGetMaxMigDeviceCount, handle);
  *count = (unsigned int)count_or(device, "mig.maximum", 0);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(struct device *handle, unsigned int index, struct device **found) {
  DEVICE_CALL(nvmlDeviceGetMigDeviceHandleByIndex, handle);
  if (count_or(device, "mig.mode", 0) == 0) return NOT_SUPPORTED;
  struct device *instance = device_of(device->gpu, (int)index);
  if (!instance || !has_text(instance, "uuid", NULL, 0)) return NOT_FOUND;
  *found = instance;
  return SUCCESS;
}

#define INSTANCE_NUMBER(function, key)                                     \
  nvmlReturn_t function(struct device *handle, unsigned int *value) {      \
    DEVICE_CALL(function, handle);                                         \
    u64 number;                                                            \
    if (device->instance == WHOLE || !has_count(device, key, &number)) return INVALID_ARGUMENT; \
    *value = (unsigned int)number;                                         \
    return SUCCESS;                                                        \
  }

INSTANCE_NUMBER(nvmlDeviceGetGpuInstanceId, "gpu_instance")
INSTANCE_NUMBER(nvmlDeviceGetComputeInstanceId, "compute_instance")

nvmlReturn_t nvmlDeviceGetAttributes_v2(struct device *handle, Attributes *attributes) {
  DEVICE_CALL(nvmlDeviceGetAttributes_v2, handle);
  memset(attributes, 0, sizeof *attributes);
  u64 slices;
  if (!has_count(device, "attributes.slices", &slices)) return NOT_SUPPORTED;
  attributes->gpuInstanceSliceCount = (unsigned int)slices;
  attributes->computeInstanceSliceCount = (unsigned int)count_or(device, "attributes.compute_slices", slices);
  attributes->multiprocessorCount = (unsigned int)count_or(device, "attributes.multiprocessors", 0);
  attributes->memorySizeMB = count_or(device, "attributes.memory", 0);
  return SUCCESS;
}
