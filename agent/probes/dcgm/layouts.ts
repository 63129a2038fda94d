/**
 * Where things stand in DCGM's structures on 64-bit Linux, as data: taken from the sizes and offsets of NVIDIA's headers.
 * Not verified on hardware yet; the tests hold them against a library of our own that asserts the same numbers.
 */

export interface Layout {
  readonly bytes: number;
  /** First word of a structure that carries its version: its size and the version's number. */
  readonly version?: number;
  readonly at: Readonly<Record<string, number>>;
}

export const layouts = {
  connect: {
    bytes: 16,
    version: 0x02000010,
    at: { persistAfterDisconnect: 4, timeoutMs: 8, addressIsUnixSocket: 12 },
  },
  startEmbedded: { bytes: 72, version: 0x01000048, at: { opMode: 4, dcgmHandle: 8 } },
  versionInfo: { bytes: 516, version: 0x02000204, at: { rawBuildInfoString: 4 } },
  entity: { bytes: 8, at: { entityId: 4 } },
  fieldValue: {
    bytes: 4128,
    at: {
      entityGroupId: 4,
      entityId: 8,
      fieldId: 12,
      fieldType: 14,
      status: 16,
      ts: 24,
      value: 32,
    },
  },
  fieldMeta: { bytes: 72, at: { fieldType: 2, entityLevel: 60 } },
  healthSet: {
    bytes: 40,
    version: 0x02000028,
    at: { groupId: 8, systems: 16, updateInterval: 24, maxKeepAge: 32 },
  },
  healthResponse: {
    bytes: 1_069_068,
    version: 0x0510500c,
    at: { incidentCount: 8, incidents: 12 },
  },
  /** DCGM 3: room for 64 incidents. */
  healthResponseV4: { bytes: 66_828, version: 0x0401050c, at: { incidentCount: 8, incidents: 12 } },
  incident: { bytes: 1044, at: { health: 4, error: 8, entityInfo: 1036 } },
  errorDetail: { bytes: 1028, at: { code: 1024 } },
  migHierarchy: { bytes: 73_480, version: 0x02011f08, at: { count: 4, entityList: 8 } },
  migEntity: { bytes: 164, at: { parent: 8, info: 16 } },
  migInfo: { bytes: 148, at: { nvmlInstanceId: 132 } },
  linkStatus: {
    bytes: 17_084,
    version: 0x050042bc,
    at: { numGpus: 4, gpus: 8, numNvSwitches: 4744, nvSwitches: 4748 },
  },
  gpuLinks: { bytes: 148, at: {} },
  /** The version before: fewer links a GPU. */
  linkStatusV4: {
    bytes: 14_780,
    version: 0x040039bc,
    at: { numGpus: 4, gpus: 8, numNvSwitches: 2440, nvSwitches: 2444 },
  },
  gpuLinksV4: { bytes: 76, at: {} },
  switchLinks: { bytes: 1028, at: {} },
} as const satisfies Record<string, Layout>;

/** `dcgm_field_entity_group_t` */
export const entityGroups = {
  none: 0,
  gpu: 1,
  virtualGpu: 2,
  switch: 3,
  gpuInstance: 4,
  computeInstance: 5,
  link: 6,
  cpu: 7,
  cpuCore: 8,
} as const;

/** Zeros, but for the version. */
export function structure({ bytes, version }: Layout): Buffer {
  const made = Buffer.alloc(bytes);
  if (version !== undefined) made.writeUInt32LE(version);
  return made;
}

/** Up to its NUL. */
export function textAt(bytes: Buffer, start: number, length: number): string {
  const part = bytes.subarray(start, start + length);
  const end = part.indexOf(0);
  return part.toString("utf8", 0, end === -1 ? part.length : end);
}
