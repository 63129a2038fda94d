/* The latest values of watched fields, and what the health watches found. */
#define _GNU_SOURCE
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SYSTEMS = 13, V4_INCIDENTS = 64, V5_INCIDENTS = 1024 };

static const int64_t blank_integer = 0x7ffffffffffffff0;
static const double blank_number = 140737488355328.0;
static const char *const blank_texts[] = {"<<<NULL>>>", "<<<NOT_FOUND>>>", "<<<NOT_SUPPORTED>>>", "<<<NOT_PERM>>>"};
static const char *const blank_words[] = {"blank", "not_found", "not_supported", "no_permission"};

static handle_t health_group;
static unsigned int health_systems;

static double seconds_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fill_blank(FieldValue *value, char type, int kind) {
  if (type == 'i' || type == 't') value->value.i64 = blank_integer + kind;
  else if (type == 'd') value->value.dbl = blank_number + kind;
  else strcpy(value->value.str, blank_texts[kind]);
}

/* `412.5`, `12 +3` (rises by 3 a second), a word for a blank, or `status -14`. */
static void fill_from(FieldValue *value, char type, const char *text) {
  if (strncmp(text, "status ", 7) == 0) {
    value->status = atoi(text + 7);
    return;
  }
  for (int kind = 0; kind < 4; kind += 1)
    if (strcmp(text, blank_words[kind]) == 0) {
      fill_blank(value, type, kind);
      return;
    }
  const char *rate = strstr(text, " +");
  double risen = rate ? strtod(rate + 2, NULL) * seconds_now() : 0;
  if (type == 's' || type == 'b') snprintf(value->value.str, sizeof value->value.str, "%s", text);
  else if (type == 'd') value->value.dbl = strtod(text, NULL) + risen;
  else value->value.i64 = strtoll(text, NULL, 10) + (int64_t)risen;
}

static void fill_value(FieldValue *value, Entity entity, unsigned short field) {
  char scope[32], key[32], text[256], type;
  unsigned int level;
  memset(value, 0, sizeof *value);
  value->version = VERSION_OF(FieldValue, 2);
  value->entityGroupId = entity.entityGroupId;
  value->entityId = entity.entityId;
  value->fieldId = field;
  if (!field_kind(field, &type, &level)) {
    value->status = UNKNOWN_FIELD;
    return;
  }
  value->fieldType = (unsigned short)type;
  if (!is_watched(entity.entityGroupId, entity.entityId, field)) {
    value->status = NOT_WATCHED;
    return;
  }
  value->ts = (int64_t)(seconds_now() * 1e6);
  entity_scope(scope, entity.entityGroupId, entity.entityId);
  snprintf(key, sizeof key, "field.%u", field);
  if (has_text(scope, key, text, sizeof text)) fill_from(value, type, text);
  else fill_blank(value, type, 2);
}

/* The last comes first: the order isn't promised. */
dcgmReturn_t dcgmEntitiesGetLatestValues(handle_t handle, Entity *entities, unsigned int count, unsigned short *fields,
                                         unsigned int field_count, unsigned int flags, FieldValue *values) {
  CALL(dcgmEntitiesGetLatestValues, handle);
  (void)flags;
  if (!entities || !fields || !values) return BAD_PARAMETER;
  for (unsigned int at = count * field_count; at > 0; at -= 1, values += 1)
    fill_value(values, entities[(at - 1) / field_count], fields[(at - 1) % field_count]);
  return OK;
}

dcgmReturn_t dcgmHealthSet_v2(handle_t handle, HealthSet *wanted) {
  CALL(dcgmHealthSet_v2, handle);
  if (wanted->version != VERSION_OF(HealthSet, 2)) return VERSION_MISMATCH;
  health_group = wanted->groupId;
  health_systems = wanted->systems;
  return OK;
}

/* `health.<system> 20 4 what it says`: result, code, message. */
static void add_incidents(unsigned int group, Incident *incidents, unsigned int *count, unsigned int room, unsigned int *overall) {
  unsigned int ids[1024];
  int total = entities_of(group, ids, 1024);
  for (int at = 0; at < total; at += 1)
    for (unsigned int bit = 0; bit < SYSTEMS && is_member(health_group, group, ids[at]); bit += 1) {
      char scope[32], key[32], text[1100];
      unsigned int health, code;
      int message = 0;
      entity_scope(scope, group, ids[at]);
      snprintf(key, sizeof key, "health.%u", 1u << bit);
      if (!(health_systems & 1u << bit) || *count >= room || !has_text(scope, key, text, sizeof text)) continue;
      if (sscanf(text, "%u %u %n", &health, &code, &message) < 2) continue;
      Incident *incident = &incidents[(*count)++];
      *incident = (Incident){.system = 1u << bit, .health = health, .entityInfo = {group, ids[at]}};
      incident->error.code = code;
      snprintf(incident->error.msg, sizeof incident->error.msg, "%s", text + message);
      if (health > *overall) *overall = health;
    }
}

dcgmReturn_t dcgmHealthCheck(handle_t handle, handle_t group, HealthResponse *response) {
  CALL(dcgmHealthCheck, handle);
  unsigned int newest = (unsigned int)count_or("system", "health_version", 5);
  unsigned int wanted = newest == 4 ? VERSION_OF(HealthResponseV4, 4) : VERSION_OF(HealthResponse, 5);
  if (response->version != wanted) return VERSION_MISMATCH;
  if (group != health_group) return NOT_CONFIGURED;
  response->overallHealth = response->incidentCount = 0;
  unsigned int room = newest == 4 ? V4_INCIDENTS : V5_INCIDENTS;
  add_incidents(GPU, response->incidents, &response->incidentCount, room, &response->overallHealth);
  add_incidents(SWITCH, response->incidents, &response->incidentCount, room, &response->overallHealth);
  return OK;
}
