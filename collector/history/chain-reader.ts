/** Reads a chain back: every sample once, and the end of a series where a complete frame no longer holds it. */
import type { DatabaseSync } from "node:sqlite";
import { malformed } from "../../core/wire/bytes.ts";
import { createFrameDecoder } from "../../core/wire/frame-codec.ts";
import { isPresent, type Frame, type Schema } from "../../core/wire/frame.ts";
import { openContents } from "./chain-contents.ts";
import { timeSpan } from "./chain-writer.ts";
import { chainChecksum, frameChecksum, messageChecksum } from "./checksum.ts";
import { isStalenessMarker, type SampleVisitor } from "./sample.ts";

export interface StoredChain {
  /** The schema's number in the journal. */
  readonly schema: number;
  readonly schemaBody: Uint8Array;
  readonly repeated: readonly number[];
}

/**
 * A slow source's samples ride in every frame with the time they were read. So that a look-back of five minutes finds
 * them, what is still there is taken as a new sample, of the frame's time, once this long has passed.
 */
const holdMilliseconds = 120_000;
const leastMessageBytes = 12;

/** Null when there is no such chain. Throws FRAME_MALFORMED. */
export function loadChain(sqlite: DatabaseSync, chain: number): StoredChain | null {
  const row = sqlite
    .prepare(
      `SELECT s.id, s.body, c.repeated, c.job, c.instance, c.boot, c.series, c.checksum
       FROM chain c JOIN schema s ON s.id = c.schema WHERE c.id = ?`,
    )
    .get(chain);
  if (!row) return null;
  const schemaBody = row["body"] as Uint8Array;
  const repeated = String(row["repeated"]);
  const origin = {
    job: String(row["job"]),
    instance: String(row["instance"]),
    boot: String(row["boot"]),
  };
  const series = Number(row["series"]);
  if (
    row["checksum"] !== null &&
    (schemaBody.length < leastMessageBytes ||
      chainChecksum(messageChecksum(asBuffer(schemaBody)), origin, series, repeated) !==
        row["checksum"])
  )
    throw malformed(`chain ${chain} of the journal was damaged on disk`);
  return {
    schema: Number(row["id"]),
    schemaBody,
    repeated: JSON.parse(repeated) as number[],
  };
}

/** The bodies of the frames in these rows, which are of the chain, in the order they were written. Throws FRAME_MALFORMED. */
export function* loadBodies(
  sqlite: DatabaseSync,
  chain: number,
  places: Iterable<number> = loadPlaces(sqlite, chain),
): Generator<Uint8Array> {
  const load = sqlite.prepare(
    "SELECT sequence, oldest, newest, closing, body, checksum FROM frame WHERE id = ? AND chain = ?",
  );
  for (const place of places) {
    const row = load.get(place, chain);
    if (!row) throw malformed(`a frame of the journal's chain ${chain} is gone`);
    const body = row["body"] as Uint8Array;
    const frame = {
      sequence: Number(row["sequence"]),
      oldest: Number(row["oldest"]),
      newest: Number(row["newest"]),
      closing: row["closing"] === 1,
    };
    if (
      row["checksum"] !== null &&
      (body.length < leastMessageBytes ||
        frameChecksum(chain, frame, asBuffer(body)) !== row["checksum"])
    )
      throw malformed(`frame ${frame.sequence} of the journal was damaged on disk`);
    yield body;
  }
}

/** Of a chain that isn't whole yet, or whose contents are damaged, every row of the journal is looked at. */
function loadPlaces(sqlite: DatabaseSync, chain: number): number[] {
  const contents = openContents(sqlite).load(chain);
  if (contents) return contents.places;
  const rows = sqlite.prepare("SELECT id FROM frame WHERE chain = ? ORDER BY id").all(chain);
  return rows.map(({ id }) => Number(id));
}

/** Decodes frame after frame of a chain; a frame holds until the next is decoded. Throws FRAME_MALFORMED. */
export function* decodeChain(
  schemaBody: Uint8Array,
  bodies: Iterable<Uint8Array>,
): Generator<Frame> {
  const decoder = createFrameDecoder();
  decoder.decode(asBuffer(schemaBody), () => undefined);
  const decoded: Frame[] = [];
  for (const body of bodies) {
    decoder.decode(asBuffer(body), (frame) => decoded.push(frame));
    yield* decoded.splice(0);
  }
}

/** Takes one frame after the other of a chain and hands on what is new in each, of the chosen slots only. */
export function createFrameReader(
  repeated: readonly number[],
  choose: (schema: Schema) => readonly number[],
): (frame: Frame, visit: SampleVisitor) => void {
  let slots: readonly number[] = [];
  let groupOfSlot = new Int32Array(0);
  let before = new Uint8Array(0);
  /** Per group: the time of its samples in the frame before, and the time under which they were last handed on. */
  let times = new Float64Array(0);
  let handedOn = new Float64Array(0);
  let isFirst = true;

  function begin({ schema, timestamps }: Frame): void {
    slots = choose(schema);
    groupOfSlot = new Int32Array(schema.series.length);
    schema.groups.forEach(({ first, length }, group) =>
      groupOfSlot.fill(group, first, first + length),
    );
    before = new Uint8Array((schema.series.length + 7) >> 3);
    times = new Float64Array(schema.groups.length).fill(Number.NaN);
    handedOn = new Float64Array(schema.groups.length).fill(-Infinity);
    for (const group of repeated) times[group] = timestamps[group] ?? Number.NaN;
  }

  return (frame, visit) => {
    if (isFirst) begin(frame);
    isFirst = false;
    const { values, present, timestamps, complete } = frame;
    const groups = frame.schema.groups.length;
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
    const { newest } = timeSpan(frame);
    const sampleTimes = new Float64Array(groups);
    for (let group = 0; group < groups; group += 1) {
      const time = timestamps[group] ?? 0;
      if (!complete || time !== times[group]) sampleTimes[group] = time;
      else if (newest - (handedOn[group] ?? 0) >= holdMilliseconds) sampleTimes[group] = newest;
      else sampleTimes[group] = Number.NaN;
      times[group] = time;
      if (!Number.isNaN(sampleTimes[group])) handedOn[group] = sampleTimes[group] ?? 0;
    }
    for (const slot of slots) {
      const was = isPresent(before, slot);
      if (isPresent(present, slot)) {
        const known = sampleTimes[groupOfSlot[slot] ?? 0] ?? Number.NaN;
        if (Number.isNaN(known) && was) continue;
        const time = Number.isNaN(known) ? newest : known;
        const ended = isStalenessMarker(words, slot);
        visit(slot, Math.round(time * 1000), values[slot] ?? Number.NaN, ended);
      } else if (was && complete) visit(slot, Math.round(newest * 1000), Number.NaN, true);
    }
    // A partial frame says nothing of what it doesn't hold.
    if (complete) before.set(present);
    else
      present.forEach((bits, byte) => {
        before[byte] = (before[byte] ?? 0) | bits;
      });
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
