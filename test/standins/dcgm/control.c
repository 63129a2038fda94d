/* Reads the control file named by WARPWATCH_DCGM_STANDIN_CONTROL, anew whenever it was replaced. */
#define _GNU_SOURCE
#include "control.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAXIMUM_ENTRIES = 20000, TABLE_SIZE = 1 << 16, HANG_POLL_NANOSECONDS = 2000000 };

struct entry { const char *scope, *key, *text; };

static struct entry table[TABLE_SIZE];
static int entries;
static char *content;
static struct stat seen;
static int engine;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *control_path(void) { return getenv("WARPWATCH_DCGM_STANDIN_CONTROL"); }

static struct entry *find(const char *scope, const char *key) {
  unsigned int at = 2166136261u;
  for (const char *letter = scope; *letter; letter += 1) at = (at ^ (unsigned char)*letter) * 16777619u;
  for (const char *letter = key; *letter; letter += 1) at = (at ^ (unsigned char)*letter) * 16777619u;
  struct entry *entry = &table[at % TABLE_SIZE];
  for (; entry->text && (strcmp(entry->scope, scope) || strcmp(entry->key, key)); entry = &table[at % TABLE_SIZE]) at += 1;
  return entry;
}

static const char *text_of(const char *scope, const char *key) { return find(scope, key)->text; }

static long number_of(const char *key, long otherwise) {
  const char *text = text_of("system", key);
  return text ? strtol(text, NULL, 10) : otherwise;
}

static void load(const char *path, const struct stat *now) {
  FILE *file = fopen(path, "r");
  if (!file) return;
  char *text = malloc((size_t)now->st_size + 1);
  text[fread(text, 1, (size_t)now->st_size, file)] = '\0';
  fclose(file);
  memset(table, 0, sizeof table);
  entries = 0;
  free(content);
  content = text;
  for (char *line; (line = strsep(&text, "\n"));) {
    char *scope = strsep(&line, " "), *key = strsep(&line, " ");
    if (!key || !line || entries >= MAXIMUM_ENTRIES) continue;
    *find(scope, key) = (struct entry){scope, key, line};
    entries += 1;
  }
  seen = *now;
}

static void refresh(void) {
  struct stat now;
  const char *path = control_path();
  /* Without the file nothing hangs: a process that was left behind can end once its test has tidied up. */
  if (!path || stat(path, &now) != 0) memset(table, 0, sizeof table);
  else if (now.st_ino != seen.st_ino || now.st_mtim.tv_sec != seen.st_mtim.tv_sec || now.st_mtim.tv_nsec != seen.st_mtim.tv_nsec)
    load(path, &now);
  int running = (int)number_of("engine", 0);
  if (running != engine) forget_groups();
  engine = running;
}

static void pause_nanoseconds(long nanoseconds) {
  struct timespec time = {nanoseconds / 1000000000L, nanoseconds % 1000000000L};
  nanosleep(&time, NULL);
}

static long scripted(const char *what, const char *function) {
  char key[128];
  snprintf(key, sizeof key, "%s.%s", what, function);
  return number_of(key, number_of(what, 0));
}

dcgmReturn_t enter(const char *function) {
  pthread_mutex_lock(&lock);
  refresh();
  long milliseconds = scripted("latency", function);
  while (scripted("hang", function)) {
    pthread_mutex_unlock(&lock);
    pause_nanoseconds(HANG_POLL_NANOSECONDS);
    pthread_mutex_lock(&lock);
    refresh();
  }
  dcgmReturn_t code = (dcgmReturn_t)scripted("return", function);
  pthread_mutex_unlock(&lock);
  if (milliseconds > 0) pause_nanoseconds(milliseconds * 1000000L);
  return code;
}

dcgmReturn_t enter_connected(handle_t handle, const char *function) {
  dcgmReturn_t code = enter(function);
  if (handle == 0) return BAD_PARAMETER;
  return (int)handle != engine_now() ? CONNECTION_NOT_VALID : code;
}

int engine_now(void) {
  pthread_mutex_lock(&lock);
  int now = engine;
  pthread_mutex_unlock(&lock);
  return now;
}

int has_text(const char *scope, const char *key, char *text, size_t length) {
  pthread_mutex_lock(&lock);
  const char *found = text_of(scope, key);
  if (found) snprintf(text, length, "%s", found);
  pthread_mutex_unlock(&lock);
  return found != NULL;
}

long count_or(const char *scope, const char *key, long otherwise) {
  char text[64];
  return has_text(scope, key, text, sizeof text) ? strtol(text, NULL, 10) : otherwise;
}

void entity_scope(char scope[32], unsigned int group, unsigned int id) { snprintf(scope, 32, "%u:%u", group, id); }

int entities_of(unsigned int group, unsigned int *ids, int maximum) {
  char key[32], text[4096];
  snprintf(key, sizeof key, "entities.%u", group);
  if (!has_text("system", key, text, sizeof text)) return 0;
  int count = 0;
  char *rest = text;
  for (char *word; (word = strsep(&rest, " ")) && count < maximum;)
    if (*word) ids[count++] = (unsigned int)strtoul(word, NULL, 10);
  return count;
}

void tell_opened(int connections) {
  char path[4096];
  if (!control_path()) return;
  snprintf(path, sizeof path, "%s.%d.open", control_path(), (int)getpid());
  FILE *file = fopen(path, "w");
  if (!file) return;
  fprintf(file, "connections %d\ngroups %d\n", connections, groups_held());
  fclose(file);
}
