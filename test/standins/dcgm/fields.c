/* The fields there are: runs of numbers of one type and one level, as NVIDIA's dcgm_fields.h of 4.6 lists them; the levels are
   ours where the header doesn't say. */
#include "control.h"

#include <string.h>

static const struct { unsigned short first, last; char type; unsigned char level; } runs[] = {
  {1, 3, 's', NONE}, {4, 6, 'i', NONE}, {50, 51, 's', GPU}, {52, 52, 'i', GPU}, {53, 54, 's', GPU}, {55, 55, 'i', GPU},
  {56, 57, 's', GPU}, {58, 59, 'i', GPU}, {60, 62, 'b', GPU}, {63, 67, 'i', GPU}, {68, 68, 's', GPU}, {69, 74, 'i', GPU},
  {75, 77, 'b', GPU}, {80, 82, 's', GPU}, {83, 84, 'i', GPU}, {85, 85, 's', GPU}, {86, 90, 'i', GPU}, {91, 91, 'b', GPU},
  {92, 94, 'i', GPU}, {100, 102, 'i', GPU}, {110, 115, 'i', GPU}, {120, 120, 'i', GPU}, {130, 130, 'b', GPU},
  {140, 140, 'i', GPU}, {150, 153, 'i', GPU}, {155, 155, 'd', GPU}, {156, 156, 'i', GPU}, {157, 157, 'd', GPU},
  {158, 159, 'i', GPU}, {160, 164, 'd', GPU}, {165, 167, 'b', GPU}, {170, 171, 'i', GPU}, {172, 172, 's', GPU},
  {173, 175, 'i', GPU}, {190, 191, 'i', GPU}, {200, 204, 'i', GPU}, {205, 205, 'b', GPU}, {206, 207, 'i', GPU},
  {230, 230, 'i', GPU}, {235, 238, 'i', GPU}, {240, 247, 'i', GPU}, {250, 253, 'i', GPU}, {254, 254, 'd', GPU},
  {285, 287, 'i', GPU}, {300, 301, 'i', GPU}, {310, 346, 'i', GPU}, {350, 361, 'i', GPU}, {362, 362, 'b', GPU},
  {363, 363, 'i', GPU}, {385, 396, 'i', GPU}, {400, 450, 'i', GPU}, {451, 489, 'i', GPU}, {491, 500, 'i', GPU},
  {501, 513, 'b', GPU}, {520, 521, 's', VGPU}, {522, 522, 'i', VGPU}, {523, 524, 's', VGPU}, {525, 527, 'i', VGPU},
  {528, 531, 'b', VGPU}, {532, 533, 's', VGPU}, {534, 534, 'i', VGPU}, {571, 572, 's', GPU}, {573, 577, 'i', GPU},
  {580, 592, 'i', GPU}, {701, 707, 'i', SWITCH}, {780, 824, 'i', LINK}, {825, 843, 'i', SWITCH}, {856, 864, 'i', SWITCH},
  {865, 876, 'i', LINK}, {877, 877, 's', LINK}, {878, 878, 's', SWITCH}, {879, 897, 'i', SWITCH}, {1001, 1008, 'd', GPU_CI},
  {1009, 1012, 'i', GPU_CI}, {1013, 1034, 'd', GPU_CI}, {1040, 1096, 'i', GPU_CI}, {1100, 1104, 'd', CPU_CORE},
  {1110, 1112, 'd', CPU}, {1120, 1120, 'i', CPU}, {1130, 1133, 'd', CPU}, {1140, 1141, 's', CPU}, {1200, 1215, 'i', GPU},
  {1216, 1216, 'd', GPU}, {1217, 1217, 'i', GPU}, {1218, 1218, 'd', GPU}, {1219, 1220, 'i', GPU},
  {1300, 1309, 'i', CONNECTX}, {1310, 1310, 'd', CONNECTX}, {1400, 1427, 'i', GPU}, {1428, 1432, 'd', GPU},
  {1433, 1433, 'i', GPU}, {1434, 1436, 'd', GPU}, {1437, 1438, 'i', GPU}, {1439, 1441, 'd', GPU}, {1442, 1442, 'i', GPU},
  {1501, 1501, 'i', GPU}, {1502, 1502, 's', GPU}, {1503, 1503, 'i', GPU}, {1507, 1509, 'i', GPU}, {1523, 1523, 'i', GPU},
  {1524, 1524, 's', SWITCH}, {1525, 1533, 'i', LINK},
};

int field_kind(unsigned short id, char *type, unsigned int *level) {
  for (size_t at = 0; at < sizeof runs / sizeof *runs; at += 1) {
    if (id < runs[at].first || id > runs[at].last) continue;
    *type = runs[at].type;
    *level = runs[at].level;
    return 1;
  }
  return 0;
}

/* One at a time: a caller copies what it needs before it asks for the next. */
const FieldMeta *DcgmFieldGetById(unsigned short id) {
  static _Thread_local FieldMeta meta;
  char type;
  unsigned int level;
  if (!field_kind(id, &type, &level)) return NULL;
  memset(&meta, 0, sizeof meta);
  meta.fieldId = id;
  meta.fieldType = type;
  meta.size = type == 's' || type == 'b' ? 0 : 8;
  meta.entityLevel = level;
  return &meta;
}
