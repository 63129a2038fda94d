/** The share of TCP segments that were sent again, from two readings of /proc/net/snmp (RFC 4022: tcpOutSegs leaves retransmitted ones out). */
import { join } from "node:path";
import { tcpRetransmits } from "../../../core/catalog/between-readings.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile, type KeptFile } from "./kept-file.ts";
import { missing } from "./missing.ts";

interface Counts {
  readonly sent: number;
  readonly again: number;
}

export const tcpRetransmitsSource: Source = {
  name: "tcp_retransmits",
  metrics: [tcpRetransmits],
  sampling: "steady",
  open({ env }) {
    const path = join(env.paths.procfs, "net/snmp");
    const file = openKeptFile(path);
    if (!file) return absent(missing("protocols", env.paths, path));
    let slot = -1;
    // The first reading tells of all the time since boot.
    let before: Counts = { sent: 0, again: 0 };
    return {
      register(slots) {
        slot = slots.slot(tcpRetransmits, {});
      },
      read(column) {
        const now = readCounts(file);
        const sent = now.sent - before.sent;
        const again = now.again - before.again;
        before = now;
        if (sent >= 0 && again >= 0 && sent + again > 0) column[slot] = again / (sent + again);
      },
      close: () => file.close(),
    };
  },
};

/** `Tcp: RtoAlgorithm … OutSegs RetransSegs …`, then `Tcp: 1 … 42 0 …`. */
function readCounts(file: KeptFile): Counts {
  file.read();
  const lines = file.bytes.toString("latin1", 0, file.length).split("\n");
  const [names = [], numbers = []] = lines
    .filter((line) => line.startsWith("Tcp:"))
    .map((line) => line.trim().split(/\s+/));
  const numberOf = (name: string): number => Number(numbers[names.indexOf(name)] ?? Number.NaN);
  const counts = { sent: numberOf("OutSegs"), again: numberOf("RetransSegs") };
  if (!Number.isFinite(counts.sent + counts.again))
    throw new WarpwatchError("SOURCE_MALFORMED", `${file.path} has no count of TCP segments`);
  return counts;
}
