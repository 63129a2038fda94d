/* Opening and closing, the host engine's version, and which entities it has. */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOME_LINKS = 36, SOME_SWITCH_LINKS = 256, NEWEST_LINK_STATUS = 5 };

static int is_open;
static int connections;

static void count_connections(int change) {
  connections += change;
  tell_opened(connections);
}

dcgmReturn_t dcgmInit(void) {
  dcgmReturn_t code = enter("dcgmInit");
  if (code == OK) is_open = 1;
  return code;
}

dcgmReturn_t dcgmShutdown(void) {
  is_open = 0;
  return enter("dcgmShutdown");
}

static dcgmReturn_t attach(dcgmReturn_t entered, handle_t *handle) {
  if (entered != OK) return entered;
  if (!is_open) return UNINITIALIZED;
  if (engine_now() == 0) return CONNECTION_NOT_VALID;
  *handle = (handle_t)engine_now();
  count_connections(1);
  return OK;
}

dcgmReturn_t dcgmConnect_v2(const char *address, Connect *wanted, handle_t *handle) {
  dcgmReturn_t entered = enter("dcgmConnect_v2");
  if (!address || !wanted || wanted->version != VERSION_OF(Connect, 2)) return VERSION_MISMATCH;
  char expected[256];
  int is_expected = has_text("system", wanted->addressIsUnixSocket ? "socket" : "address", expected, sizeof expected) &&
                    strcmp(expected, address) == 0;
  return is_expected ? attach(entered, handle) : CONNECTION_NOT_VALID;
}

dcgmReturn_t dcgmStartEmbedded_v2(StartEmbedded *wanted) {
  dcgmReturn_t entered = enter("dcgmStartEmbedded_v2");
  if (!wanted || wanted->version != VERSION_OF(StartEmbedded, 1)) return VERSION_MISMATCH;
  return wanted->opMode == 1 ? attach(entered, &wanted->dcgmHandle) : BAD_PARAMETER;
}

dcgmReturn_t dcgmDisconnect(handle_t handle) {
  CALL(dcgmDisconnect, handle);
  forget_groups();
  count_connections(-1);
  return OK;
}

dcgmReturn_t dcgmStopEmbedded(handle_t handle) {
  CALL(dcgmStopEmbedded, handle);
  forget_groups();
  count_connections(-1);
  return OK;
}

dcgmReturn_t dcgmHostengineVersionInfo(handle_t handle, VersionInfo *info) {
  CALL(dcgmHostengineVersionInfo, handle);
  if (info->version != VERSION_OF(VersionInfo, 2)) return VERSION_MISMATCH;
  char version[64] = "4.6.0";
  has_text("system", "version", version, sizeof version);
  snprintf(info->rawBuildInfoString, sizeof info->rawBuildInfoString, "version:%s;arch:x86_64;buildtype:Release", version);
  return OK;
}

const char *errorString(dcgmReturn_t code) {
  static const struct { dcgmReturn_t code; const char *text; } texts[] = {
    {OK, "Success"},
    {BAD_PARAMETER, "Bad parameter passed to function"},
    {NOT_SUPPORTED, "This request is not supported"},
    {TIMEOUT, "The requested operation has timed out"},
    {VERSION_MISMATCH, "API version mismatch"},
    {CONNECTION_NOT_VALID, "The connection to the host engine is not valid any longer"},
    {PROFILING_NOT_SUPPORTED, "Profiling is not supported for this group of GPUs or GPU"},
    {-37, "The third-party Profiling module returned an unrecoverable error"},
  };
  for (size_t at = 0; at < sizeof texts / sizeof *texts; at += 1)
    if (texts[at].code == code) return texts[at].text;
  return "Unknown error";
}

dcgmReturn_t dcgmGetEntityGroupEntities(handle_t handle, int group, unsigned int *ids, int *count, unsigned int flags) {
  CALL(dcgmGetEntityGroupEntities, handle);
  (void)flags;
  if (group <= NONE || group >= ENTITY_GROUPS || !ids || !count) return BAD_PARAMETER;
  unsigned int found[1024];
  int total = entities_of((unsigned int)group, found, 1024), room = *count;
  *count = total;
  if (total > room) return INSUFFICIENT_SIZE;
  memcpy(ids, found, (size_t)total * sizeof *ids);
  return OK;
}

static void fill_instance(MigEntity *entry, unsigned int group, unsigned int id, Entity parent) {
  char scope[32];
  entity_scope(scope, GPU_I, id);
  *entry = (MigEntity){.entity = {group, id}, .parent = parent};
  entry->info.nvmlGpuIndex = (unsigned int)count_or(scope, "gpu", 0);
  entry->info.nvmlInstanceId = (unsigned int)count_or(scope, "nvml_instance", 0);
  entry->info.nvmlProfileSlices = (unsigned int)count_or(scope, "slices", 1);
}

/* Every instance is followed by the one compute instance in it. */
dcgmReturn_t dcgmGetGpuInstanceHierarchy(handle_t handle, MigHierarchy *hierarchy) {
  CALL(dcgmGetGpuInstanceHierarchy, handle);
  if (hierarchy->version != VERSION_OF(MigHierarchy, 2)) return VERSION_MISMATCH;
  unsigned int ids[224];
  int total = entities_of(GPU_I, ids, 224);
  hierarchy->count = 0;
  for (int at = 0; at < total; at += 1) {
    char scope[32];
    entity_scope(scope, GPU_I, ids[at]);
    fill_instance(&hierarchy->entityList[hierarchy->count++], GPU_I, ids[at], (Entity){GPU, (unsigned int)count_or(scope, "gpu", 0)});
    fill_instance(&hierarchy->entityList[hierarchy->count++], GPU_CI, ids[at], (Entity){GPU_I, ids[at]});
  }
  return OK;
}

/* `links UUD`: a letter a link, Up, Down, disAbled, or - where it isn't supported. */
static void fill_links(unsigned int group, unsigned int id, unsigned int *states, size_t room) {
  char scope[32], letters[300] = "";
  entity_scope(scope, group, id);
  has_text(scope, "links", letters, sizeof letters);
  for (size_t at = 0; at < room && at < strlen(letters); at += 1)
    states[at] = letters[at] == 'U' ? 3 : letters[at] == 'D' ? 2 : letters[at] == 'A' ? 1 : 0;
}

dcgmReturn_t dcgmGetNvLinkLinkStatus(handle_t handle, LinkStatus *status) {
  CALL(dcgmGetNvLinkLinkStatus, handle);
  if (status->version != VERSION_OF(LinkStatus, NEWEST_LINK_STATUS)) return VERSION_MISMATCH;
  memset(status, 0, sizeof *status);
  status->version = VERSION_OF(LinkStatus, NEWEST_LINK_STATUS);
  unsigned int ids[32];
  status->numGpus = (unsigned int)entities_of(GPU, ids, 32);
  for (unsigned int at = 0; at < status->numGpus; at += 1) {
    status->gpus[at].entityId = ids[at];
    fill_links(GPU, ids[at], status->gpus[at].linkState, SOME_LINKS);
  }
  status->numNvSwitches = (unsigned int)entities_of(SWITCH, ids, 12);
  for (unsigned int at = 0; at < status->numNvSwitches; at += 1) {
    status->nvSwitches[at].entityId = ids[at];
    fill_links(SWITCH, ids[at], status->nvSwitches[at].linkState, SOME_SWITCH_LINKS);
  }
  return OK;
}
