/** Questions to a BMC and the walk through its repository of sensor data records, as IPMI 2.0 chapters 33 to 35 have them. */
import { WarpwatchError } from "../../../core/kit/errors.ts";
import type { IpmiRequest } from "../../probes/ipmi.ts";
import { decodeRecord, recordHeaderBytes, type Sensor } from "./ipmi-records.ts";

export interface Bmc {
  /** The answers without their completion code, null where that says that the BMC refused; as many as there are requests. */
  ask(requests: readonly IpmiRequest[]): Promise<readonly (Uint8Array | null)[]>;
}

const none = new Uint8Array(0);
const storage = 0x0a;

function request(netfn: number, command: number, data: Uint8Array = none, lun = 0): IpmiRequest {
  return { netfn, command, lun, data };
}

export const questions = {
  identity: request(0x06, 0x01),
  chassis: request(0x00, 0x01),
  eventLog: request(storage, 0x40),
  repository: request(storage, 0x20),
  /** DCMI's group, then the kind of statistics: those of the whole system. */
  systemPower: request(0x2c, 0x02, Uint8Array.of(0xdc, 0x01, 0x00, 0x00)),
  reservation: request(storage, 0x22),
  reading: ({ number, lun }: Sensor) => request(0x04, 0x2d, Uint8Array.of(number), lun),
  part: (reservation: number, record: number, offset: number, bytes: number) =>
    request(
      storage,
      0x23,
      Uint8Array.of(reservation, reservation >> 8, record, record >> 8, offset, bytes),
    ),
} as const;

/** What every BMC gives in one answer. */
const partBytes = 16;
const lastRecord = 0xffff;
const maximumRecords = 2048;
/** The repository may change, or another program may take the reservation, in the middle of a walk. */
const maximumWalks = 3;

/** Differs after the repository has changed; empty where the BMC doesn't say. */
export function revisionOf(info: Uint8Array | null): string {
  return info === null ? "" : Buffer.from(info).toString("hex");
}

/** All sensors of the records that it can read. Throws SOURCE_MALFORMED when the repository can't be walked. */
export async function walkRepository(bmc: Bmc): Promise<Sensor[]> {
  for (let attempt = 0; attempt < maximumWalks; attempt += 1) {
    const sensors = await walkOnce(bmc);
    if (sensors) return sensors;
  }
  throw new WarpwatchError(
    "SOURCE_MALFORMED",
    "the BMC doesn't let its sensors' records be read to the end",
  );
}

/** Null where the BMC refused a record, as it does when the reservation is no longer valid. */
async function walkOnce(bmc: Bmc): Promise<Sensor[] | null> {
  const [reserved] = await bmc.ask([questions.reservation]);
  // Without reservations, records are read under number 0.
  const reservation = reserved && reserved.length >= 2 ? wordAt(reserved, 0) : 0;
  const sensors: Sensor[] = [];
  const seen = new Set<number>();
  for (let record = 0; record !== lastRecord && seen.size < maximumRecords;) {
    // A repository that leads in a circle has shown all it has.
    if (seen.has(record)) break;
    seen.add(record);
    const found = await readRecord(bmc, reservation, record);
    if (found === null) return null;
    sensors.push(...decodeRecord(found.bytes));
    record = found.next;
  }
  return sensors;
}

async function readRecord(
  bmc: Bmc,
  reservation: number,
  record: number,
): Promise<{ readonly next: number; readonly bytes: Uint8Array } | null> {
  const [head] = await bmc.ask([questions.part(reservation, record, 0, recordHeaderBytes)]);
  if (!head || head.length < 2 + recordHeaderBytes) return null;
  const length = recordHeaderBytes + (head[2 + 4] ?? 0);
  const rest: IpmiRequest[] = [];
  for (let offset = recordHeaderBytes; offset < length; offset += partBytes)
    rest.push(questions.part(reservation, record, offset, Math.min(partBytes, length - offset)));
  const parts = [head, ...(await bmc.ask(rest))];
  if (parts.includes(null)) return null;
  const bytes = Buffer.concat(parts.map((part) => (part ?? none).subarray(2)));
  return { next: wordAt(head, 0), bytes: bytes.subarray(0, length) };
}

function wordAt(bytes: Uint8Array, position: number): number {
  return (bytes[position] ?? 0) | ((bytes[position + 1] ?? 0) << 8);
}
