/*
 * The floor of a scrape: reads the files whose paths come on stdin, each once a round through a descriptor that stays
 * open, and does nothing with them. Prints the processor time of a round in nanoseconds.
 * read-floor ROUNDS PAUSE_MICROSECONDS < paths
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAXIMUM_FILES = 65536, LONGEST_PATH = 4096, BUFFER_BYTES = 1 << 20 };

static int descriptors[MAXIMUM_FILES];
static char buffer[BUFFER_BYTES];

static long long processor_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void read_to_end(int descriptor) {
  off_t offset = 0;
  ssize_t count;
  while ((count = pread(descriptor, buffer, BUFFER_BYTES, offset)) > 0) offset += count;
}

int main(int count, char **words) {
  char path[LONGEST_PATH];
  int files = 0;
  if (count != 3) return 2;
  int rounds = atoi(words[1]);
  useconds_t pause = atoi(words[2]);
  while (files < MAXIMUM_FILES && fgets(path, sizeof path, stdin)) {
    path[strcspn(path, "\n")] = 0;
    int descriptor = open(path, O_RDONLY);
    if (descriptor >= 0) descriptors[files++] = descriptor;
  }
  for (int file = 0; file < files; file++) read_to_end(descriptors[file]);
  long long before = processor_nanoseconds();
  for (int round = 0; round < rounds; round++) {
    if (pause > 0) usleep(pause);
    for (int file = 0; file < files; file++) read_to_end(descriptors[file]);
  }
  printf("%lld\n", (processor_nanoseconds() - before) / (rounds > 0 ? rounds : 1));
  return 0;
}
