/* Values asked for by number: bulk fields, and GPM metrics over two samples. */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIELD_COUNT = 303 };

nvmlReturn_t nvmlDeviceGetFieldValues(struct device *handle, int count, FieldValue *values) {
  DEVICE_CALL(nvmlDeviceGetFieldValues, handle);
  if (count <= 0 || !values) return INVALID_ARGUMENT;
  long long timestamp = (long long)(now_seconds() * 1e6);
  for (int index = 0; index < count; index += 1) {
    FieldValue *value = &values[index];
    struct field found;
    value->timestamp = timestamp;
    value->latencyUsec = 0;
    if (value->fieldId == 0 || value->fieldId >= FIELD_COUNT) value->nvmlReturn = INVALID_ARGUMENT;
    else if (!has_field(device, value->fieldId, value->scopeId, &found)) value->nvmlReturn = NOT_SUPPORTED;
    else {
      value->nvmlReturn = found.code;
      value->valueType = found.type;
      value->value = found.value;
    }
  }
  return SUCCESS;
}

/* What a sample remembers: when, of what, so that a pair from different devices can be refused. */
struct sample {
  double taken_at;
  struct device *device;
  unsigned int instance;
};

nvmlReturn_t nvmlGpmQueryDeviceSupport(struct device *handle, GpmSupport *support) {
  DEVICE_CALL(nvmlGpmQueryDeviceSupport, handle);
  if (support->version != 1) return VERSION_MISMATCH;
  support->isSupported = (unsigned int)count_or(device, "gpm", 0);
  return SUCCESS;
}

nvmlReturn_t nvmlGpmSampleAlloc(struct sample **sample) {
  nvmlReturn_t entered = enter_system("nvmlGpmSampleAlloc");
  if (entered != SUCCESS) return entered;
  *sample = calloc(1, sizeof **sample);
  count_opened(OPENED_GPM_SAMPLES, 1);
  return SUCCESS;
}

nvmlReturn_t nvmlGpmSampleFree(struct sample *sample) {
  if (!sample) return INVALID_ARGUMENT;
  free(sample);
  count_opened(OPENED_GPM_SAMPLES, -1);
  return SUCCESS;
}

static nvmlReturn_t take(struct device *device, unsigned int instance, struct sample *sample) {
  if (!sample) return INVALID_ARGUMENT;
  if (count_or(device, "gpm", 0) == 0) return NOT_SUPPORTED;
  *sample = (struct sample){now_seconds(), device, instance};
  return SUCCESS;
}

nvmlReturn_t nvmlGpmSampleGet(struct device *handle, struct sample *sample) {
  DEVICE_CALL(nvmlGpmSampleGet, handle);
  return take(device, 0xffffffffu, sample);
}

nvmlReturn_t nvmlGpmMigSampleGet(struct device *handle, unsigned int instance, struct sample *sample) {
  DEVICE_CALL(nvmlGpmMigSampleGet, handle);
  return take(device, instance, sample);
}

/* `gpm.<metric>` of the GPU, `gpm.<metric>` of the MIG instance with that GPU instance's number. */
static struct device *sampled(const struct sample *sample) {
  if (sample->instance == 0xffffffffu) return sample->device;
  for (int index = 0; index < MAXIMUM_INSTANCES; index += 1) {
    struct device *instance = device_of(sample->device->gpu, index);
    if (count_or(instance, "gpu_instance", 0xffffffffu) == sample->instance) return instance;
  }
  return NULL;
}

nvmlReturn_t nvmlGpmMetricsGet(GpmRequest *request) {
  nvmlReturn_t entered = enter_system("nvmlGpmMetricsGet");
  if (entered != SUCCESS) return entered;
  const struct sample *first = request->sample1, *second = request->sample2;
  if (request->version != 1) return VERSION_MISMATCH;
  if (!first || !second || !first->device || first->device != second->device || first->instance != second->instance)
    return INVALID_ARGUMENT;
  /* NVIDIA wants at least 100 ms between the samples. */
  if (second->taken_at - first->taken_at < 0.1) return INVALID_ARGUMENT;
  struct device *device = sampled(second);
  if (!device) return NOT_FOUND;
  for (unsigned int index = 0; index < request->count; index += 1) {
    GpmMetric *metric = &request->metrics[index];
    char key[32];
    snprintf(key, sizeof key, "gpm.%u", metric->metricId);
    metric->nvmlReturn = has_number(device, key, &metric->value) ? SUCCESS : NOT_SUPPORTED;
  }
  return SUCCESS;
}
