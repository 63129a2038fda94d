/** The form in which detectors save what they learned: a version, a JSON header, and columns of numbers as bytes. */

export interface Snapshot {
  readonly header: unknown;
  readonly parts: readonly Uint8Array[];
}

const prefixBytes = 8;

/** uint32 version, uint32 header length, header {header, lengths}, parts. */
export function packSnapshot(
  version: number,
  header: unknown,
  columns: readonly (Float64Array | Float32Array | Uint8Array)[],
): Uint8Array {
  const lengths = columns.map((column) => column.byteLength);
  const head = new TextEncoder().encode(JSON.stringify({ header, lengths }));
  const total = lengths.reduce((sum, length) => sum + length, prefixBytes + head.length);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, version);
  view.setUint32(4, head.length);
  bytes.set(head, prefixBytes);
  let at = prefixBytes + head.length;
  for (const column of columns) {
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    at += column.byteLength;
  }
  return bytes;
}

/** Null when the bytes are of another version, cut off or no snapshot at all. */
export function unpackSnapshot(version: number, bytes: Uint8Array): Snapshot | null {
  if (bytes.length < prefixBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerEnd = prefixBytes + view.getUint32(4);
  if (view.getUint32(0) !== version || headerEnd > bytes.length) return null;
  const head = parseHead(new TextDecoder().decode(bytes.subarray(prefixBytes, headerEnd)));
  if (!head) return null;
  const parts: Uint8Array[] = [];
  let at = headerEnd;
  for (const length of head.lengths) {
    // A copy: what a file's bytes lie in is shared with others, and slice() of a Buffer is a view of it.
    parts.push(new Uint8Array(bytes.subarray(at, at + length)));
    at += length;
  }
  return at === bytes.length ? { header: head.header, parts } : null;
}

/** The numbers of a part; empty when its length doesn't fit. */
export function float64Of(part: Uint8Array | undefined): Float64Array<ArrayBuffer> {
  if (!part || part.byteLength % 8 !== 0) return new Float64Array(0);
  return new Float64Array(new Uint8Array(part).buffer);
}

function parseHead(text: string): { header: unknown; lengths: number[] } | null {
  let head: unknown;
  try {
    head = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof head !== "object" || head === null || !("header" in head) || !("lengths" in head))
    return null;
  const { header, lengths } = head;
  const isLength = (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) >= 0;
  return Array.isArray(lengths) && lengths.every(isLength) ? { header, lengths } : null;
}
