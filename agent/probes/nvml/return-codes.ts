/** What NVML's return codes mean for a reading, a GPU and the source; numbers and names as nvml.h has them. */

export const returnCodes = {
  success: 0,
  uninitialized: 1,
  invalidArgument: 2,
  notSupported: 3,
  noPermission: 4,
  notFound: 6,
  insufficientSize: 7,
  driverNotLoaded: 9,
  timeout: 10,
  libraryNotFound: 12,
  functionNotFound: 13,
  gpuIsLost: 15,
  resetRequired: 16,
  operatingSystem: 17,
  versionMismatch: 18,
  noData: 21,
  argumentVersionMismatch: 25,
  deprecated: 26,
  notReady: 27,
  gpuNotFound: 28,
  unknown: 999,
} as const;

/**
 * `absent`: this device or driver hasn't got it, and needn't be asked again. `permission`: this process may not.
 * `lost` and `reset` are of the whole GPU. `closed`: the library has to be opened again. `down`: not this time.
 */
export type Outcome = "ok" | "absent" | "permission" | "down" | "lost" | "reset" | "closed";

const outcomes: Readonly<Record<number, Outcome>> = {
  0: "ok",
  1: "closed",
  2: "absent",
  3: "absent",
  4: "permission",
  6: "absent",
  12: "absent",
  13: "absent",
  15: "lost",
  16: "reset",
  17: "permission",
  22: "absent",
  25: "absent",
  26: "absent",
};

export function outcomeOf(code: number): Outcome {
  return outcomes[code] ?? "down";
}

const sentences: Readonly<Record<number, string>> = {
  1: "the library isn't open",
  2: "an argument is invalid",
  3: "not supported",
  4: "no permission",
  6: "not found",
  8: "the GPU's external power isn't connected",
  9: "the NVIDIA driver isn't loaded",
  10: "the driver's own time ran out",
  11: "the driver found an interrupt problem with a GPU",
  12: "the driver's library isn't found",
  13: "this version of the library hasn't got the function",
  14: "the InfoROM is corrupted",
  15: "the GPU has fallen off the bus",
  16: "the GPU has to be reset before it can be used",
  17: "the operating system or a cgroup blocks the GPU's control device",
  18: "the library and the loaded driver are of different versions: the driver was upgraded and not reloaded",
  19: "the GPU is in use",
  20: "out of memory",
  27: "the driver isn't ready",
  28: "no GPU was found",
  999: "an internal error of the driver",
};

/** For people. */
export function describeCode(code: number): string {
  return `${sentences[code] ?? "an error that is new to this version"} (NVML ${code})`;
}
