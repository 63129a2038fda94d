/** One record of /dev/kmsg; its form is the kernel's, Documentation/ABI/testing/dev-kmsg. */

export interface KernelRecord {
  /** Rises by one per record since boot; a hole means that the ring was written over. */
  readonly sequence: number;
  /** 0 is an emergency, 3 an error, 6 is informational. */
  readonly priority: number;
  /** Microseconds since boot. */
  readonly sinceBootMicroseconds: number;
  readonly text: string;
}

/** `6,1045,5140900,-;NVRM: Xid …`; more fields may come before the semicolon. Undefined for anything else. */
export function parseRecord(line: string): KernelRecord | undefined {
  const match = /^(\d{1,10}),(\d{1,16}),(\d{1,16}),[^;]*;(.*)$/s.exec(line);
  if (!match) return undefined;
  const [, prefix, sequence, time, text = ""] = match;
  return {
    sequence: Number(sequence),
    // The facility is in the bits above.
    priority: Number(prefix) & 7,
    sinceBootMicroseconds: Number(time),
    text: text.replaceAll(/(?:\\x[0-9a-f]{2})+/gi, decodeEscapes),
  };
}

/** The kernel writes every byte that isn't printable ASCII as `\x1b`; control characters stay out of our logs as well. */
function decodeEscapes(escapes: string): string {
  const decoded = Buffer.from(escapes.replaceAll("\\x", ""), "hex").toString("utf8");
  // oxlint-disable-next-line no-control-regex -- they are what is to be found
  return decoded.replaceAll(/[\u0000-\u001f\u007f]/g, " ");
}
