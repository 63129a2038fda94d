/* The control file: what the stand-in answers. One value a line, `scope key value`; scope is `system`, `gpu3` or `gpu3/mig1`. */
#ifndef STANDIN_CONTROL_H
#define STANDIN_CONTROL_H

#include "layouts.h"

enum { MAXIMUM_GPUS = 16, MAXIMUM_INSTANCES = 15, SYSTEM = -1, WHOLE = -1 };

/* What a device handle points to. */
struct device {
  int gpu;
  /* WHOLE, or the index of a MIG instance. */
  int instance;
};

struct field {
  unsigned int type;
  nvmlReturn_t code;
  Value value;
};

/* The handle of a GPU or of one of its instances; the same for ever. */
struct device *device_of(int gpu, int instance);

/* Begins a call: reads the file again if it changed, waits as long as it says (for ever, if it says so), and returns the
   code that is scripted for this function and device, or SUCCESS. */
nvmlReturn_t enter(struct device *device, const char *function);
nvmlReturn_t enter_system(const char *function);
/* As `enter_system`, before nvmlInit. */
nvmlReturn_t enter_uninitialized(const char *function);

/* The file's value; 0 where it has none. A value followed by `+rate` rises by that much a second. */
int has_number(struct device *device, const char *key, double *value);
double number_or(struct device *device, const char *key, double otherwise);
int has_count(struct device *device, const char *key, u64 *value);
u64 count_or(struct device *device, const char *key, u64 otherwise);
/* Truncated to the length, which includes the ending NUL. */
int has_text(struct device *device, const char *key, char *text, unsigned int length);
/* `field.<id>.<scope>`. */
int has_field(struct device *device, unsigned int id, unsigned int scope, struct field *found);

/* Seconds since the epoch. */
double now_seconds(void);

/* Open things, written to the file `<control>.<pid>.open` with every change, so that a test can see a leak. */
enum opened { OPENED_LIBRARY, OPENED_EVENT_SETS, OPENED_GPM_SAMPLES, OPENED_KINDS };
void count_opened(enum opened kind, int change);

#define DEVICE_CALL(function, handle)                    \
  struct device *device = (handle);                      \
  nvmlReturn_t entered = enter(device, #function);       \
  if (entered != SUCCESS) return entered

#endif
