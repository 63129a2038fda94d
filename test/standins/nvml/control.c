/* Reads the control file named by WARPWATCH_STANDIN_CONTROL, anew whenever it was replaced, into a hash table. */
#define _GNU_SOURCE
#include "control.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TABLE_SIZE = 1 << 15, MAXIMUM_ENTRIES = 24000, LOOK_AGAIN_NANOSECONDS = 200000, HANG_POLL_NANOSECONDS = 2000000 };

struct entry {
  int scope;
  /* NULL where the entry is a field, known by its numbers. */
  const char *key;
  unsigned int id, field_scope;
  const char *text;
  double rate;
  unsigned int type;
  nvmlReturn_t code;
};

static struct entry *table;
static int entries;
static char *content;
static double epoch;
/* Whether the file scripts any wait or code: most don't, and then no call looks for one. */
static int is_scripted;
static struct stat seen;
static struct timespec looked;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct device devices[MAXIMUM_GPUS][MAXIMUM_INSTANCES + 1];
static int opened[OPENED_KINDS];

static const char *const type_names[] = {"f64", "u32", "ul", "u64", "i64", "i32", "u16"};

static const char *control_path(void) { return getenv("WARPWATCH_STANDIN_CONTROL"); }

static int scope_of(const struct device *device) {
  return device ? 1 + device->gpu * (MAXIMUM_INSTANCES + 1) + device->instance + 1 : 0;
}

static unsigned int hash_key(int scope, const char *key) {
  unsigned int hash = 2166136261u ^ (unsigned int)scope;
  for (; *key; key += 1) hash = (hash ^ (unsigned char)*key) * 16777619u;
  return hash;
}

static unsigned int hash_field(int scope, unsigned int id, unsigned int field_scope) {
  unsigned int hash = (unsigned int)scope * 2654435761u ^ id * 2246822519u ^ field_scope * 3266489917u;
  return hash ^ hash >> 15;
}

static struct entry *find_key(int scope, const char *key) {
  if (!table) return NULL;
  for (unsigned int at = hash_key(scope, key);; at += 1) {
    struct entry *entry = &table[at % TABLE_SIZE];
    if (!entry->text) return NULL;
    if (entry->scope == scope && entry->key && strcmp(entry->key, key) == 0) return entry;
  }
}

static struct entry *find_field(int scope, unsigned int id, unsigned int field_scope) {
  if (!table) return NULL;
  for (unsigned int at = hash_field(scope, id, field_scope);; at += 1) {
    struct entry *entry = &table[at % TABLE_SIZE];
    if (!entry->text) return NULL;
    if (!entry->key && entry->scope == scope && entry->id == id && entry->field_scope == field_scope) return entry;
  }
}

static void insert(struct entry entry) {
  if (entries >= MAXIMUM_ENTRIES) return;
  entries += 1;
  unsigned int at = entry.key ? hash_key(entry.scope, entry.key) : hash_field(entry.scope, entry.id, entry.field_scope);
  while (table[at % TABLE_SIZE].text) at += 1;
  table[at % TABLE_SIZE] = entry;
}

static int parse_scope(const char *word) {
  int gpu, instance;
  if (strcmp(word, "system") == 0) return 0;
  if (sscanf(word, "gpu%d/mig%d", &gpu, &instance) == 2) return scope_of(device_of(gpu, instance));
  if (sscanf(word, "gpu%d", &gpu) == 1) return scope_of(device_of(gpu, WHOLE));
  return -1;
}

/* `u32 350000`, or `return 4`. */
static void parse_field(struct entry *entry, char *text) {
  entry->key = NULL;
  char *word = strsep(&text, " ");
  entry->text = text ? text : "";
  if (strcmp(word, "return") == 0) {
    entry->code = atoi(entry->text);
    return;
  }
  for (unsigned int type = 0; type < sizeof type_names / sizeof *type_names; type += 1)
    if (strcmp(word, type_names[type]) == 0) entry->type = type;
}

static void parse_line(char *line) {
  char *scope = strsep(&line, " ");
  char *key = strsep(&line, " ");
  if (!key || !line || *scope == '#') return;
  struct entry entry = {.scope = parse_scope(scope), .key = key, .text = line};
  if (entry.scope < 0) return;
  if (sscanf(key, "field.%u.%u", &entry.id, &entry.field_scope) == 2) parse_field(&entry, line);
  const char *rate = strstr(entry.text, " +");
  if (rate) entry.rate = strtod(rate + 2, NULL);
  if (!strncmp(key, "hang", 4) || !strncmp(key, "latency", 7) || !strncmp(key, "return", 6) || !strcmp(key, "lost"))
    is_scripted = 1;
  insert(entry);
}

static void load(const char *path, const struct stat *now) {
  FILE *file = fopen(path, "r");
  if (!file) return;
  char *text = malloc((size_t)now->st_size + 1);
  size_t length = fread(text, 1, (size_t)now->st_size, file);
  fclose(file);
  text[length] = '\0';
  if (!table) table = malloc(TABLE_SIZE * sizeof *table);
  memset(table, 0, TABLE_SIZE * sizeof *table);
  entries = 0;
  is_scripted = 0;
  free(content);
  content = text;
  for (char *line; (line = strsep(&text, "\n"));) parse_line(line);
  struct entry *since = find_key(0, "epoch");
  epoch = since ? strtod(since->text, NULL) : 0;
  seen = *now;
}

static void refresh(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  long long since = (time.tv_sec - looked.tv_sec) * 1000000000LL + time.tv_nsec - looked.tv_nsec;
  if (looked.tv_sec && since < LOOK_AGAIN_NANOSECONDS) return;
  looked = time;
  struct stat now;
  const char *path = control_path();
  /* Without the file nothing hangs: a process that was left behind can end once its test has tidied up. */
  if (!path || stat(path, &now) != 0) {
    is_scripted = 0;
    return;
  }
  if (now.st_ino != seen.st_ino || now.st_mtim.tv_sec != seen.st_mtim.tv_sec || now.st_mtim.tv_nsec != seen.st_mtim.tv_nsec)
    load(path, &now);
}

static double value_of(const struct entry *entry) {
  double value = strtod(entry->text, NULL);
  return entry->rate != 0 ? value + entry->rate * (now_seconds() - epoch) : value;
}

static u64 count_of(const struct entry *entry) {
  return entry->rate != 0 ? (u64)value_of(entry) : strtoull(entry->text, NULL, 10);
}

/* The value of `<what>` or `<what>.<function>`, of this device or of the system; 0 if none. */
static double scripted(const char *what, const struct device *device, const char *function) {
  char key[160];
  snprintf(key, sizeof key, "%s.%s", what, function);
  int scopes[] = {scope_of(device), 0};
  for (int index = 0; index < 2; index += 1) {
    struct entry *entry = find_key(scopes[index], key);
    if (!entry) entry = find_key(scopes[index], what);
    if (entry) return strtod(entry->text, NULL);
  }
  return 0;
}

static void pause_for(long long nanoseconds) {
  struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  nanosleep(&time, NULL);
}

static nvmlReturn_t follow_script(const struct device *device, const char *function) {
  const struct device *gpu = device ? device_of(device->gpu, WHOLE) : NULL;
  while (is_scripted && scripted("hang", gpu, function) != 0) {
    pthread_mutex_unlock(&lock);
    pause_for(HANG_POLL_NANOSECONDS);
    pthread_mutex_lock(&lock);
    refresh();
  }
  double microseconds = scripted("latency", gpu, function);
  if (microseconds > 0) {
    pthread_mutex_unlock(&lock);
    pause_for((long long)(microseconds * 1000));
    pthread_mutex_lock(&lock);
  }
  struct entry *lost = gpu ? find_key(scope_of(gpu), "lost") : NULL;
  if (lost && atoi(lost->text)) return GPU_IS_LOST;
  return (nvmlReturn_t)scripted("return", gpu, function);
}

static nvmlReturn_t begin(struct device *device, const char *function, int must_be_open) {
  pthread_mutex_lock(&lock);
  refresh();
  nvmlReturn_t code = is_scripted ? follow_script(device, function) : SUCCESS;
  if (must_be_open && opened[OPENED_LIBRARY] == 0) code = UNINITIALIZED;
  pthread_mutex_unlock(&lock);
  return code;
}

nvmlReturn_t enter(struct device *device, const char *function) {
  return device ? begin(device, function, 1) : INVALID_ARGUMENT;
}

nvmlReturn_t enter_system(const char *function) { return begin(NULL, function, 1); }

nvmlReturn_t enter_uninitialized(const char *function) { return begin(NULL, function, 0); }

struct device *device_of(int gpu, int instance) {
  if (gpu < 0 || gpu >= MAXIMUM_GPUS || instance < WHOLE || instance >= MAXIMUM_INSTANCES) return NULL;
  struct device *device = &devices[gpu][instance + 1];
  device->gpu = gpu;
  device->instance = instance;
  return device;
}

int has_number(struct device *device, const char *key, double *value) {
  pthread_mutex_lock(&lock);
  struct entry *entry = find_key(scope_of(device), key);
  if (entry) *value = value_of(entry);
  pthread_mutex_unlock(&lock);
  return entry != NULL;
}

double number_or(struct device *device, const char *key, double otherwise) {
  double value = otherwise;
  has_number(device, key, &value);
  return value;
}

int has_count(struct device *device, const char *key, u64 *value) {
  pthread_mutex_lock(&lock);
  struct entry *entry = find_key(scope_of(device), key);
  if (entry) *value = count_of(entry);
  pthread_mutex_unlock(&lock);
  return entry != NULL;
}

u64 count_or(struct device *device, const char *key, u64 otherwise) {
  u64 value = otherwise;
  has_count(device, key, &value);
  return value;
}

int has_text(struct device *device, const char *key, char *text, unsigned int length) {
  pthread_mutex_lock(&lock);
  struct entry *entry = find_key(scope_of(device), key);
  if (entry && text && length > 0) snprintf(text, length, "%s", entry->text);
  pthread_mutex_unlock(&lock);
  return entry != NULL;
}

int has_field(struct device *device, unsigned int id, unsigned int scope, struct field *found) {
  pthread_mutex_lock(&lock);
  struct entry *entry = find_field(scope_of(device), id, scope);
  if (entry) {
    *found = (struct field){.type = entry->type, .code = entry->code};
    if (entry->type == 0) found->value.f64 = value_of(entry);
    else if (entry->type == 4 || entry->type == 5) found->value.i64 = (long long)value_of(entry);
    else found->value.u64 = count_of(entry);
  }
  pthread_mutex_unlock(&lock);
  return entry != NULL;
}

double now_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void count_opened(enum opened kind, int change) {
  pthread_mutex_lock(&lock);
  opened[kind] += change;
  char path[4096];
  snprintf(path, sizeof path, "%s.%d.open", control_path() ? control_path() : "standin", (int)getpid());
  FILE *file = control_path() ? fopen(path, "w") : NULL;
  if (file) {
    fprintf(file, "library %d\nevent_sets %d\ngpm_samples %d\n", opened[0], opened[1], opened[2]);
    fclose(file);
  }
  pthread_mutex_unlock(&lock);
}
