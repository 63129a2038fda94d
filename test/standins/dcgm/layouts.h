/* Types of DCGM's binary interface as far as the stand-in speaks it; sizes and offsets are those that NVIDIA's headers have on
   64-bit Linux, and every one of them is asserted here. Written from those numbers, and never checked on hardware. */
#ifndef STANDIN_DCGM_LAYOUTS_H
#define STANDIN_DCGM_LAYOUTS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

typedef int dcgmReturn_t;
typedef uintptr_t handle_t;

enum {
  OK = 0,
  BAD_PARAMETER = -1,
  NOT_CONFIGURED = -5,
  NOT_SUPPORTED = -6,
  UNINITIALIZED = -10,
  TIMEOUT = -11,
  VERSION_MISMATCH = -12,
  UNKNOWN_FIELD = -13,
  NO_DATA = -14,
  NOT_WATCHED = -16,
  CONNECTION_NOT_VALID = -21,
  MAXIMUM_REACHED = -24,
  DUPLICATE_KEY = -26,
  INSUFFICIENT_SIZE = -31,
  PROFILING_NOT_SUPPORTED = -36,
};

/* Entity groups. */
enum { NONE, GPU, VGPU, SWITCH, GPU_I, GPU_CI, LINK, CPU, CPU_CORE, CONNECTX, ENTITY_GROUPS };

/* What the first word of a versioned structure has to hold. */
#define VERSION_OF(type, number) ((unsigned int)(sizeof(type) | ((unsigned int)(number) << 24)))
#define SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type " has another size")
#define AT(type, member, bytes) static_assert(offsetof(type, member) == (bytes), #type "." #member " is elsewhere")
#define VERSION(type, number, word) static_assert(VERSION_OF(type, number) == (word), #type " has another version word")

typedef struct { unsigned int version, persistAfterDisconnect, timeoutMs, addressIsUnixSocket; } Connect;
SIZE(Connect, 16);
AT(Connect, persistAfterDisconnect, 4);
AT(Connect, timeoutMs, 8);
AT(Connect, addressIsUnixSocket, 12);
VERSION(Connect, 2, 0x02000010u);

typedef struct {
  unsigned int version;
  int opMode;
  handle_t dcgmHandle;
  const char *logFile;
  int severity;
  unsigned int denyListCount, denyList[10];
} StartEmbedded;
SIZE(StartEmbedded, 72);
AT(StartEmbedded, opMode, 4);
AT(StartEmbedded, dcgmHandle, 8);
AT(StartEmbedded, logFile, 16);
AT(StartEmbedded, severity, 24);
AT(StartEmbedded, denyListCount, 28);
VERSION(StartEmbedded, 1, 0x01000048u);

typedef struct { unsigned int entityGroupId, entityId; } Entity;
SIZE(Entity, 8);
AT(Entity, entityId, 4);

typedef struct {
  unsigned int version, entityGroupId, entityId;
  unsigned short fieldId, fieldType;
  int status;
  unsigned int unused;
  int64_t ts;
  union { int64_t i64; double dbl; char str[256]; char blob[4096]; } value;
} FieldValue;
SIZE(FieldValue, 4128);
AT(FieldValue, entityGroupId, 4);
AT(FieldValue, entityId, 8);
AT(FieldValue, fieldId, 12);
AT(FieldValue, fieldType, 14);
AT(FieldValue, status, 16);
AT(FieldValue, ts, 24);
AT(FieldValue, value, 32);
VERSION(FieldValue, 2, 0x02001020u);

typedef struct {
  unsigned short fieldId;
  char fieldType;
  unsigned char size;
  char tag[48];
  int scope, nvmlFieldId;
  unsigned int entityLevel;
  const void *valueFormat;
} FieldMeta;
SIZE(FieldMeta, 72);
AT(FieldMeta, fieldType, 2);
AT(FieldMeta, tag, 4);
AT(FieldMeta, scope, 52);
AT(FieldMeta, entityLevel, 60);
AT(FieldMeta, valueFormat, 64);

typedef struct { char msg[1024]; unsigned int code; } ErrorDetail;
SIZE(ErrorDetail, 1028);
AT(ErrorDetail, code, 1024);

typedef struct { unsigned int system, health; ErrorDetail error; Entity entityInfo; } Incident;
SIZE(Incident, 1044);
AT(Incident, health, 4);
AT(Incident, error, 8);
AT(Incident, entityInfo, 1036);

typedef struct { unsigned int version, overallHealth, incidentCount; Incident incidents[1024]; } HealthResponse;
SIZE(HealthResponse, 1069068);
AT(HealthResponse, overallHealth, 4);
AT(HealthResponse, incidentCount, 8);
AT(HealthResponse, incidents, 12);
VERSION(HealthResponse, 5, 0x0510500cu);

/* What DCGM 3 filled: the same with room for 64. */
typedef struct { unsigned int version, overallHealth, incidentCount; Incident incidents[64]; } HealthResponseV4;
SIZE(HealthResponseV4, 66828);

typedef struct {
  unsigned int version;
  handle_t groupId;
  unsigned int systems;
  long long updateInterval;
  double maxKeepAge;
} HealthSet;
SIZE(HealthSet, 40);
AT(HealthSet, groupId, 8);
AT(HealthSet, systems, 16);
AT(HealthSet, updateInterval, 24);
AT(HealthSet, maxKeepAge, 32);
VERSION(HealthSet, 2, 0x02000028u);

typedef struct { unsigned int version; char rawBuildInfoString[512]; } VersionInfo;
SIZE(VersionInfo, 516);
AT(VersionInfo, rawBuildInfoString, 4);
VERSION(VersionInfo, 2, 0x02000204u);

typedef struct { unsigned int entityId, linkState[36]; } GpuLinks;
SIZE(GpuLinks, 148);

typedef struct { unsigned int entityId, linkState[256]; } SwitchLinks;
SIZE(SwitchLinks, 1028);

typedef struct { unsigned int version, numGpus; GpuLinks gpus[32]; unsigned int numNvSwitches; SwitchLinks nvSwitches[12]; } LinkStatus;
SIZE(LinkStatus, 17084);
AT(LinkStatus, numGpus, 4);
AT(LinkStatus, gpus, 8);
AT(LinkStatus, numNvSwitches, 4744);
AT(LinkStatus, nvSwitches, 4748);
VERSION(LinkStatus, 5, 0x050042bcu);

typedef struct {
  char gpuUuid[128];
  unsigned int nvmlGpuIndex, nvmlInstanceId, nvmlComputeInstanceId, nvmlMigProfileId, nvmlProfileSlices;
} MigInfo;
SIZE(MigInfo, 148);
AT(MigInfo, nvmlInstanceId, 132);

typedef struct { Entity entity, parent; MigInfo info; } MigEntity;
SIZE(MigEntity, 164);
AT(MigEntity, parent, 8);
AT(MigEntity, info, 16);

typedef struct { unsigned int version, count; MigEntity entityList[448]; } MigHierarchy;
SIZE(MigHierarchy, 73480);
AT(MigHierarchy, count, 4);
AT(MigHierarchy, entityList, 8);
VERSION(MigHierarchy, 2, 0x02011f08u);

#endif
