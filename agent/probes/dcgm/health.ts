/** DCGM's health watches: what they look at is set once, what they found is asked for. */
import { layouts, structure, textAt } from "./layouts.ts";
import type { DcgmLibrary } from "./library.ts";
import type { Incident } from "./messages.ts";
import { returnCodes } from "./return-codes.ts";

export interface HealthWatch {
  /** The code of the call; no incidents where it isn't 0. */
  check(): Promise<{ readonly code: number; readonly incidents: Incident[] }>;
}

const everySystem = 0xffffffff;
const periodMicroseconds = 15_000_000;
/** PCIe, heat and power are judged over the last minute. */
const keptSeconds = 120;
const maximumIncidents = { v5: 1024, v4: 64 } as const;

/** `group` is one of the host engine's; null where it has no health watches. */
export async function watchHealth(
  library: DcgmLibrary,
  handle: number,
  group: number,
): Promise<HealthWatch | null> {
  const { healthSet } = layouts;
  const order = structure(healthSet);
  order.writeBigUInt64LE(BigInt(group), healthSet.at.groupId);
  order.writeUInt32LE(everySystem, healthSet.at.systems);
  order.writeBigInt64LE(BigInt(periodMicroseconds), healthSet.at.updateInterval);
  order.writeDoubleLE(keptSeconds, healthSet.at.maxKeepAge);
  if ((await library.call("dcgmHealthSet_v2", handle, order)) !== returnCodes.ok) return null;
  let response = structure(layouts.healthResponse);
  let room: number = maximumIncidents.v5;

  return {
    async check() {
      let code = await library.call("dcgmHealthCheck", handle, group, response);
      if (code === returnCodes.versionMismatch && room === maximumIncidents.v5) {
        response = structure(layouts.healthResponseV4);
        room = maximumIncidents.v4;
        code = await library.call("dcgmHealthCheck", handle, group, response);
      }
      return { code, incidents: code === returnCodes.ok ? incidentsIn(response, room) : [] };
    },
  };
}

function incidentsIn(response: Buffer, room: number): Incident[] {
  const { healthResponse, incident, errorDetail, entity } = layouts;
  const count = Math.min(response.readUInt32LE(healthResponse.at.incidentCount), room);
  return Array.from({ length: count }, (_, index) => {
    const start = healthResponse.at.incidents + index * incident.bytes;
    const error = start + incident.at.error;
    const whose = start + incident.at.entityInfo;
    return {
      system: response.readUInt32LE(start),
      health: response.readUInt32LE(start + incident.at.health),
      text: textAt(response, error, errorDetail.at.code),
      errorCode: response.readUInt32LE(error + errorDetail.at.code),
      group: response.readUInt32LE(whose),
      id: response.readUInt32LE(whose + entity.at.entityId),
    };
  });
}
