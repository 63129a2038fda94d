/** The functions of libdcgm that are called, and what each takes; names and prototypes as NVIDIA's dcgm_agent.h has them. */

/**
 * `h` is a handle, `i` an int, `l` a long long, `d` a double, `b` the address of bytes that are read or written, `s` a text.
 * Every function returns an int.
 */
export const signatures = {
  dcgmInit: "",
  dcgmConnect_v2: "sbb",
  dcgmDisconnect: "h",
  dcgmStartEmbedded_v2: "b",
  dcgmStopEmbedded: "h",
  dcgmHostengineVersionInfo: "hb",
  dcgmGetEntityGroupEntities: "hibbi",
  dcgmGetGpuInstanceHierarchy: "hb",
  dcgmGetNvLinkLinkStatus: "hb",
  dcgmGroupCreate: "hisb",
  dcgmGroupAddEntity: "hhii",
  dcgmGroupDestroy: "hh",
  dcgmFieldGroupCreate: "hibsb",
  dcgmFieldGroupDestroy: "hh",
  dcgmWatchFields: "hhhldi",
  dcgmUnwatchFields: "hhh",
  dcgmUpdateAllFields: "hi",
  dcgmEntitiesGetLatestValues: "hbibiib",
  dcgmHealthSet_v2: "hb",
  dcgmHealthCheck: "hhb",
} as const;

export type DcgmFunction = keyof typeof signatures;
