/* Types of NVML's binary interface as far as the stand-in speaks it; sizes and offsets are those that NVIDIA's nvml.h has on
   64-bit Linux, and every one of them is asserted here. Written from those numbers, and never checked on hardware. */
#ifndef STANDIN_LAYOUTS_H
#define STANDIN_LAYOUTS_H

#include <assert.h>
#include <stddef.h>

typedef int nvmlReturn_t;
typedef unsigned long long u64;

enum {
  SUCCESS = 0,
  UNINITIALIZED = 1,
  INVALID_ARGUMENT = 2,
  NOT_SUPPORTED = 3,
  NOT_FOUND = 6,
  INSUFFICIENT_SIZE = 7,
  TIMEOUT = 10,
  GPU_IS_LOST = 15,
  NO_DATA = 21,
  VERSION_MISMATCH = 25,
};

/* What the first word of a versioned structure has to hold. */
#define VERSION_OF(type, number) ((unsigned int)(sizeof(type) | ((number) << 24)))
#define SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type " has another size")
#define AT(type, member, bytes) static_assert(offsetof(type, member) == (bytes), #type "." #member " is elsewhere")
#define VERSION(type, number, word) static_assert(VERSION_OF(type, number) == (word), #type " has another version word")

typedef struct {
  char busIdLegacy[16];
  unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
  char busId[32];
} PciInfo;
SIZE(PciInfo, 68);
AT(PciInfo, domain, 16);
AT(PciInfo, pciDeviceId, 28);
AT(PciInfo, busId, 36);

typedef struct { unsigned int gpu, memory; } Utilization;
SIZE(Utilization, 8);
AT(Utilization, memory, 4);

typedef struct { u64 total, free, used; } Memory;
SIZE(Memory, 24);
AT(Memory, free, 8);
AT(Memory, used, 16);

typedef struct { unsigned int version; u64 total, reserved, free, used; } MemoryV2;
SIZE(MemoryV2, 40);
AT(MemoryV2, total, 8);
AT(MemoryV2, reserved, 16);
AT(MemoryV2, free, 24);
AT(MemoryV2, used, 32);
VERSION(MemoryV2, 2, 0x02000028u);

typedef struct { u64 total, free, used; } Bar1Memory;
SIZE(Bar1Memory, 24);
AT(Bar1Memory, used, 16);

typedef struct { unsigned int pid; u64 usedGpuMemory; unsigned int gpuInstanceId, computeInstanceId; } ProcessInfo;
SIZE(ProcessInfo, 24);
AT(ProcessInfo, usedGpuMemory, 8);
AT(ProcessInfo, gpuInstanceId, 16);
AT(ProcessInfo, computeInstanceId, 20);

typedef struct { unsigned int pid; u64 timeStamp; unsigned int smUtil, memUtil, encUtil, decUtil; } ProcessUtilization;
SIZE(ProcessUtilization, 32);
AT(ProcessUtilization, timeStamp, 8);
AT(ProcessUtilization, smUtil, 16);
AT(ProcessUtilization, decUtil, 28);

typedef struct {
  unsigned int multiprocessorCount, sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount, sharedJpegCount,
    sharedOfaCount, gpuInstanceSliceCount, computeInstanceSliceCount;
  u64 memorySizeMB;
} Attributes;
SIZE(Attributes, 40);
AT(Attributes, gpuInstanceSliceCount, 24);
AT(Attributes, computeInstanceSliceCount, 28);
AT(Attributes, memorySizeMB, 32);

typedef struct { unsigned int version, channelRepairPending, tpcRepairPending; } RepairStatus;
SIZE(RepairStatus, 12);
AT(RepairStatus, tpcRepairPending, 8);
VERSION(RepairStatus, 1, 0x0100000cu);

typedef struct { unsigned int unrepairable; } UnrepairableMemory;
SIZE(UnrepairableMemory, 4);

typedef struct { unsigned int max, high, partial, low, none; } RemapHistogram;
SIZE(RemapHistogram, 20);
AT(RemapHistogram, none, 16);

typedef struct { unsigned int version; int margin; } MarginTemperature;
SIZE(MarginTemperature, 8);
AT(MarginTemperature, margin, 4);
VERSION(MarginTemperature, 1, 0x01000008u);

typedef struct { unsigned int version, sensor; int temperature; } Temperature;
SIZE(Temperature, 12);
AT(Temperature, temperature, 8);
VERSION(Temperature, 1, 0x0100000cu);

typedef struct {
  unsigned int version;
  u64 aggregateUncParity, aggregateUncSecDed, aggregateCor, volatileUncParity, volatileUncSecDed, volatileCor, bucketL2,
    bucketSm, bucketPcie, bucketMcu, bucketOther;
  unsigned int thresholdExceeded;
} SramStatus;
SIZE(SramStatus, 104);
AT(SramStatus, aggregateUncParity, 8);
AT(SramStatus, volatileUncParity, 32);
AT(SramStatus, bucketL2, 56);
AT(SramStatus, bucketOther, 88);
AT(SramStatus, thresholdExceeded, 96);
VERSION(SramStatus, 1, 0x01000068u);

typedef struct {
  unsigned int version;
  unsigned char ibGuid[16], chassisSerialNumber[16], slotNumber, trayIndex, hostId, peerType, moduleId;
} PlatformInfo;
SIZE(PlatformInfo, 44);
AT(PlatformInfo, chassisSerialNumber, 20);
AT(PlatformInfo, slotNumber, 36);
AT(PlatformInfo, moduleId, 40);
VERSION(PlatformInfo, 2, 0x0200002cu);

typedef union { double f64; unsigned int u32; u64 u64; long long i64; int i32; unsigned short u16; } Value;
SIZE(Value, 8);

typedef struct {
  unsigned int fieldId, scopeId;
  long long timestamp, latencyUsec;
  unsigned int valueType;
  nvmlReturn_t nvmlReturn;
  Value value;
} FieldValue;
SIZE(FieldValue, 40);
AT(FieldValue, scopeId, 4);
AT(FieldValue, timestamp, 8);
AT(FieldValue, latencyUsec, 16);
AT(FieldValue, valueType, 24);
AT(FieldValue, nvmlReturn, 28);
AT(FieldValue, value, 32);

typedef struct { void *device; u64 eventType, eventData; unsigned int gpuInstanceId, computeInstanceId; } EventData;
SIZE(EventData, 32);
AT(EventData, eventType, 8);
AT(EventData, eventData, 16);
AT(EventData, gpuInstanceId, 24);

typedef struct {
  unsigned int version;
  unsigned char clusterUuid[16];
  nvmlReturn_t status;
  unsigned int cliqueId;
  unsigned char state;
  unsigned int healthMask;
  unsigned char healthSummary;
} FabricInfo;
SIZE(FabricInfo, 40);
AT(FabricInfo, status, 20);
AT(FabricInfo, cliqueId, 24);
AT(FabricInfo, state, 28);
AT(FabricInfo, healthMask, 32);
AT(FabricInfo, healthSummary, 36);
VERSION(FabricInfo, 3, 0x03000028u);
/* Version 2 is the same without the summary. */
enum { FABRIC_VERSION_2 = 0x02000024, FABRIC_SIZE_2 = 36 };

typedef struct {
  unsigned int metricId;
  nvmlReturn_t nvmlReturn;
  double value;
  const char *shortName, *longName, *unit;
} GpmMetric;
SIZE(GpmMetric, 40);
AT(GpmMetric, nvmlReturn, 4);
AT(GpmMetric, value, 8);
AT(GpmMetric, shortName, 16);

typedef struct { unsigned int version, count; void *sample1, *sample2; GpmMetric metrics[333]; } GpmRequest;
SIZE(GpmRequest, 13344);
AT(GpmRequest, count, 4);
AT(GpmRequest, sample1, 8);
AT(GpmRequest, sample2, 16);
AT(GpmRequest, metrics, 24);

typedef struct { unsigned int version, isSupported; } GpmSupport;
SIZE(GpmSupport, 8);
AT(GpmSupport, isSupported, 4);

typedef struct {
  unsigned int gpuUtilization, memoryUtilization;
  u64 maxMemoryUsage, time, startTime;
  unsigned int isRunning, reserved[5];
} AccountingStats;
SIZE(AccountingStats, 56);
AT(AccountingStats, maxMemoryUsage, 8);
AT(AccountingStats, time, 16);
AT(AccountingStats, startTime, 24);
AT(AccountingStats, isRunning, 32);

#endif
