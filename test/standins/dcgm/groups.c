/* Groups of entities, groups of fields, and who watches what. */
#include "control.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MAXIMUM_GROUPS = 64, MAXIMUM_MEMBERS = 64, MAXIMUM_FIELDS = 128, MAXIMUM_WATCHES = 512, ALL_GPUS = 0x7fffffff };

struct group { handle_t number; char name[256]; int count; Entity members[MAXIMUM_MEMBERS]; };
struct field_group { handle_t number; char name[256]; int count; unsigned short fields[MAXIMUM_FIELDS]; };
struct watch { handle_t group, fields; };

static struct group groups[MAXIMUM_GROUPS];
static struct field_group field_groups[MAXIMUM_GROUPS];
static struct watch watches[MAXIMUM_WATCHES];
static handle_t next_number = 100;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct group *find_group(handle_t number) {
  for (int at = 0; number && at < MAXIMUM_GROUPS; at += 1)
    if (groups[at].number == number) return &groups[at];
  return NULL;
}

static struct field_group *find_fields(handle_t number) {
  for (int at = 0; number && at < MAXIMUM_GROUPS; at += 1)
    if (field_groups[at].number == number) return &field_groups[at];
  return NULL;
}

static int holds(handle_t number, unsigned int entity_group, unsigned int id) {
  if (number == ALL_GPUS) return entity_group == GPU;
  struct group *group = find_group(number);
  for (int at = 0; group && at < group->count; at += 1)
    if (group->members[at].entityGroupId == entity_group && group->members[at].entityId == id) return 1;
  return 0;
}

int is_member(handle_t group, unsigned int entity_group, unsigned int id) {
  pthread_mutex_lock(&lock);
  int found = holds(group, entity_group, id);
  pthread_mutex_unlock(&lock);
  return found;
}

int is_watched(unsigned int entity_group, unsigned int id, unsigned short field) {
  int found = 0;
  pthread_mutex_lock(&lock);
  for (int at = 0; at < MAXIMUM_WATCHES && !found; at += 1) {
    struct field_group *fields = find_fields(watches[at].fields);
    if (!fields || !holds(watches[at].group, entity_group, id)) continue;
    for (int position = 0; position < fields->count; position += 1) found |= fields->fields[position] == field;
  }
  pthread_mutex_unlock(&lock);
  return found;
}

void forget_groups(void) {
  pthread_mutex_lock(&lock);
  memset(groups, 0, sizeof groups);
  memset(field_groups, 0, sizeof field_groups);
  memset(watches, 0, sizeof watches);
  pthread_mutex_unlock(&lock);
}

int groups_held(void) {
  int held = 0;
  pthread_mutex_lock(&lock);
  for (int at = 0; at < MAXIMUM_GROUPS; at += 1) held += (groups[at].number != 0) + (field_groups[at].number != 0);
  pthread_mutex_unlock(&lock);
  return held;
}

dcgmReturn_t dcgmGroupCreate(handle_t handle, int type, const char *name, handle_t *created) {
  CALL(dcgmGroupCreate, handle);
  if (!name || !created || type != 1) return BAD_PARAMETER;
  dcgmReturn_t code = MAXIMUM_REACHED;
  pthread_mutex_lock(&lock);
  for (int at = 0; at < MAXIMUM_GROUPS && code == MAXIMUM_REACHED; at += 1) {
    if (groups[at].number) continue;
    groups[at] = (struct group){.number = next_number++};
    snprintf(groups[at].name, sizeof groups[at].name, "%s", name);
    *created = groups[at].number;
    code = OK;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

dcgmReturn_t dcgmGroupAddEntity(handle_t handle, handle_t number, unsigned int entity_group, unsigned int id) {
  CALL(dcgmGroupAddEntity, handle);
  pthread_mutex_lock(&lock);
  struct group *group = find_group(number);
  dcgmReturn_t code = !group ? NOT_CONFIGURED : group->count >= MAXIMUM_MEMBERS ? MAXIMUM_REACHED : OK;
  if (code == OK) group->members[group->count++] = (Entity){entity_group, id};
  pthread_mutex_unlock(&lock);
  return code;
}

dcgmReturn_t dcgmGroupDestroy(handle_t handle, handle_t number) {
  CALL(dcgmGroupDestroy, handle);
  pthread_mutex_lock(&lock);
  struct group *group = find_group(number);
  if (group) memset(group, 0, sizeof *group);
  pthread_mutex_unlock(&lock);
  return group ? OK : NOT_CONFIGURED;
}

dcgmReturn_t dcgmFieldGroupCreate(handle_t handle, int count, const unsigned short *fields, const char *name, handle_t *created) {
  CALL(dcgmFieldGroupCreate, handle);
  if (!name || count < 1 || count > MAXIMUM_FIELDS) return BAD_PARAMETER;
  char type;
  unsigned int level;
  for (int at = 0; at < count; at += 1)
    if (!field_kind(fields[at], &type, &level)) return UNKNOWN_FIELD;
  dcgmReturn_t code = MAXIMUM_REACHED;
  pthread_mutex_lock(&lock);
  for (int at = 0; at < MAXIMUM_GROUPS; at += 1)
    if (field_groups[at].number && strcmp(field_groups[at].name, name) == 0) code = DUPLICATE_KEY;
  for (int at = 0; at < MAXIMUM_GROUPS && code == MAXIMUM_REACHED; at += 1) {
    struct field_group *group = &field_groups[at];
    if (group->number) continue;
    *group = (struct field_group){.number = next_number++, .count = count};
    snprintf(group->name, sizeof group->name, "%s", name);
    memcpy(group->fields, fields, (size_t)count * sizeof *fields);
    *created = group->number;
    code = OK;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

dcgmReturn_t dcgmFieldGroupDestroy(handle_t handle, handle_t number) {
  CALL(dcgmFieldGroupDestroy, handle);
  pthread_mutex_lock(&lock);
  struct field_group *group = find_fields(number);
  if (group) memset(group, 0, sizeof *group);
  pthread_mutex_unlock(&lock);
  return group ? OK : NOT_CONFIGURED;
}

static int wants_profiling(const struct field_group *fields) {
  for (int at = 0; at < fields->count; at += 1)
    if (fields->fields[at] >= 1001 && fields->fields[at] < 1100) return 1;
  return 0;
}

/* A chip without profiling fails the watch of its whole group. */
static int lacks_profiling(const struct group *group) {
  for (int at = 0; at < group->count; at += 1) {
    char scope[32];
    entity_scope(scope, group->members[at].entityGroupId, group->members[at].entityId);
    if (count_or(scope, "profiling", 1) == 0) return 1;
  }
  return 0;
}

dcgmReturn_t dcgmWatchFields(handle_t handle, handle_t group, handle_t fields, long long microseconds, double seconds, int samples) {
  CALL(dcgmWatchFields, handle);
  if (microseconds < 1000 || (seconds <= 0 && samples <= 0)) return BAD_PARAMETER;
  dcgmReturn_t code = MAXIMUM_REACHED;
  pthread_mutex_lock(&lock);
  struct group *members = find_group(group);
  struct field_group *wanted = find_fields(fields);
  if (!members || !wanted) code = NOT_CONFIGURED;
  else if (wants_profiling(wanted) && lacks_profiling(members)) code = PROFILING_NOT_SUPPORTED;
  for (int at = 0; at < MAXIMUM_WATCHES && code == MAXIMUM_REACHED; at += 1) {
    if (watches[at].group) continue;
    watches[at] = (struct watch){group, fields};
    code = OK;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

dcgmReturn_t dcgmUnwatchFields(handle_t handle, handle_t group, handle_t fields) {
  CALL(dcgmUnwatchFields, handle);
  pthread_mutex_lock(&lock);
  for (int at = 0; at < MAXIMUM_WATCHES; at += 1)
    if (watches[at].group == group && watches[at].fields == fields) watches[at] = (struct watch){0};
  pthread_mutex_unlock(&lock);
  return OK;
}

dcgmReturn_t dcgmUpdateAllFields(handle_t handle, int wait) {
  (void)wait;
  CALL(dcgmUpdateAllFields, handle);
  return OK;
}
