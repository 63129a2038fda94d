/* The control file: what the stand-in answers. One value a line, `scope key value`; scope is `system`, or an entity as
   `<group>:<id>`: `1:0` is GPU 0, `3:2` NVSwitch 2, `4:1` a GPU instance. */
#ifndef STANDIN_DCGM_CONTROL_H
#define STANDIN_DCGM_CONTROL_H

#include "layouts.h"

/* Begins a call: reads the file again if it changed, waits as long as it says (for ever, if it says so), and returns the code
   that is scripted for this function, or OK. */
dcgmReturn_t enter(const char *function);
/* As `enter`; CONNECTION_NOT_VALID where the host engine of the handle has gone since. */
dcgmReturn_t enter_connected(handle_t handle, const char *function);

/* A copy of the file's value; 0 where it has none. */
int has_text(const char *scope, const char *key, char *text, size_t length);
long count_or(const char *scope, const char *key, long otherwise);

/* The host engine that runs now; every restart has another number, 0 is none. */
int engine_now(void);

void entity_scope(char scope[32], unsigned int group, unsigned int id);
/* The entities of a group, in the file's order: `system entities.<group> 0 1 2`. */
int entities_of(unsigned int group, unsigned int *ids, int maximum);

/* Type and level of a field; 0 for one that there is none of. */
int field_kind(unsigned short id, char *type, unsigned int *level);

/* Whether somebody who is connected watches this field of this entity. */
int is_watched(unsigned int group, unsigned int id, unsigned short field);
/* Whether the entity is in the group that was created under this number. */
int is_member(handle_t group, unsigned int entity_group, unsigned int id);
/* Forgets what was created through a host engine that has gone. */
void forget_groups(void);
/* What is created and not destroyed. */
int groups_held(void);

/* Writes what is held to `<control>.<pid>.open`, so that a test can see a leak. */
void tell_opened(int connections);

#define CALL(function, handle)                                   \
  do {                                                           \
    dcgmReturn_t entered = enter_connected((handle), #function); \
    if (entered != OK) return entered;                           \
  } while (0)

#endif
