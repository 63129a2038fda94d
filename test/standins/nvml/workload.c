/* What runs on a GPU and what happens to it: processes, accounting, events. */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAXIMUM_PROCESSES = 64 };

/* `processes.<kind>` holds `pid:bytes:gpuInstance:computeInstance` words; an empty instance means none. */
static nvmlReturn_t list_processes(struct device *device, const char *kind, unsigned int *count, ProcessInfo *infos) {
  char key[48], text[4096] = "";
  snprintf(key, sizeof key, "processes.%s", kind);
  if (!has_text(device, key, text, sizeof text)) return NOT_SUPPORTED;
  unsigned int found = 0, room = *count;
  char *rest = text;
  for (char *word; (word = strsep(&rest, " ")) && found < MAXIMUM_PROCESSES;) {
    ProcessInfo info = {.gpuInstanceId = 0xffffffffu, .computeInstanceId = 0xffffffffu};
    if (sscanf(word, "%u:%llu:%u:%u", &info.pid, &info.usedGpuMemory, &info.gpuInstanceId, &info.computeInstanceId) < 2)
      continue;
    if (found < room && infos) infos[found] = info;
    found += 1;
  }
  *count = found;
  return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

#define PROCESSES(function, kind)                                                                  \
  nvmlReturn_t function(struct device *handle, unsigned int *count, ProcessInfo *infos) {          \
    DEVICE_CALL(function, handle);                                                                 \
    return list_processes(device, kind, count, infos);                                             \
  }

PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3, "compute")
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v3, "graphics")
PROCESSES(nvmlDeviceGetMPSComputeRunningProcesses_v3, "mps")

/* `process_utilization` holds `pid:sm:memory:encoder:decoder` words. */
nvmlReturn_t nvmlDeviceGetProcessUtilization(struct device *handle, ProcessUtilization *samples, unsigned int *count,
                                             u64 since) {
  DEVICE_CALL(nvmlDeviceGetProcessUtilization, handle);
  (void)since;
  char text[4096];
  if (count_or(device, "mig.mode", 0) == 1) return NOT_SUPPORTED;
  if (!has_text(device, "process_utilization", text, sizeof text)) return NOT_FOUND;
  unsigned int found = 0, room = *count;
  char *rest = text;
  for (char *word; (word = strsep(&rest, " ")) && found < MAXIMUM_PROCESSES;) {
    ProcessUtilization sample = {.timeStamp = (u64)(now_seconds() * 1e6)};
    if (sscanf(word, "%u:%u:%u:%u:%u", &sample.pid, &sample.smUtil, &sample.memUtil, &sample.encUtil, &sample.decUtil) < 5)
      continue;
    if (found < room && samples) samples[found] = sample;
    found += 1;
  }
  *count = found;
  return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

nvmlReturn_t nvmlDeviceGetAccountingPids(struct device *handle, unsigned int *count, unsigned int *pids) {
  DEVICE_CALL(nvmlDeviceGetAccountingPids, handle);
  char text[1024];
  if (!has_text(device, "accounting.pids", text, sizeof text)) return NOT_SUPPORTED;
  unsigned int found = 0, room = *count;
  char *rest = text;
  for (char *word; (word = strsep(&rest, " "));) {
    if (found < room && pids) pids[found] = (unsigned int)strtoul(word, NULL, 10);
    found += 1;
  }
  *count = found;
  return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

/* `accounting.<pid>` holds `gpu:memory:maximumBytes:milliseconds:startMicroseconds:running`. */
nvmlReturn_t nvmlDeviceGetAccountingStats(struct device *handle, unsigned int pid, AccountingStats *stats) {
  DEVICE_CALL(nvmlDeviceGetAccountingStats, handle);
  char key[48], text[256];
  snprintf(key, sizeof key, "accounting.%u", pid);
  if (!has_text(device, key, text, sizeof text)) return NOT_FOUND;
  memset(stats, 0, sizeof *stats);
  sscanf(text, "%u:%u:%llu:%llu:%llu:%u", &stats->gpuUtilization, &stats->memoryUtilization, &stats->maxMemoryUsage,
         &stats->time, &stats->startTime, &stats->isRunning);
  return SUCCESS;
}

struct event_set {
  u64 types[MAXIMUM_GPUS];
  /* Number of the last event that was handed out. */
  u64 seen;
};

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(struct device *handle, u64 *types) {
  DEVICE_CALL(nvmlDeviceGetSupportedEventTypes, handle);
  return has_count(device, "event_types", types) ? SUCCESS : NOT_SUPPORTED;
}

nvmlReturn_t nvmlEventSetCreate(struct event_set **set) {
  nvmlReturn_t entered = enter_system("nvmlEventSetCreate");
  if (entered != SUCCESS) return entered;
  *set = calloc(1, sizeof **set);
  /* Only what happens from now on is told. */
  (*set)->seen = count_or(NULL, "events", 0);
  count_opened(OPENED_EVENT_SETS, 1);
  return SUCCESS;
}

nvmlReturn_t nvmlEventSetFree(struct event_set *set) {
  if (!set) return INVALID_ARGUMENT;
  free(set);
  count_opened(OPENED_EVENT_SETS, -1);
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceRegisterEvents(struct device *handle, u64 types, struct event_set *set) {
  DEVICE_CALL(nvmlDeviceRegisterEvents, handle);
  if (types & ~count_or(device, "event_types", 0)) return NOT_SUPPORTED;
  set->types[device->gpu] |= types;
  return SUCCESS;
}

/* `events` is how many there were so far, `event.<number>`, from 1, holds `gpu:type:data`. */
nvmlReturn_t nvmlEventSetWait_v2(struct event_set *set, EventData *data, unsigned int milliseconds) {
  nvmlReturn_t entered = enter_system("nvmlEventSetWait_v2");
  if (entered != SUCCESS) return entered;
  (void)milliseconds;
  while (set->seen < count_or(NULL, "events", 0)) {
    char key[48], text[64];
    int gpu;
    set->seen += 1;
    snprintf(key, sizeof key, "event.%llu", set->seen);
    *data = (EventData){.gpuInstanceId = 0xffffffffu, .computeInstanceId = 0xffffffffu};
    if (!has_text(NULL, key, text, sizeof text)) continue;
    if (sscanf(text, "%d:%llu:%llu", &gpu, &data->eventType, &data->eventData) != 3) continue;
    struct device *device = device_of(gpu, WHOLE);
    if (!device || !(set->types[gpu] & data->eventType)) continue;
    data->device = device;
    return SUCCESS;
  }
  return TIMEOUT;
}
