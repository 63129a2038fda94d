/** TCP sockets by state, counted in /proc/net/tcp and tcp6, as the kernel's networking/proc_net_tcp document has them: a line per socket. */
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { connectionStates } from "../../../core/catalog/connections.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import { absent, type Reader, type Source } from "../source.ts";
import { lineFeed } from "./scan.ts";
import { scanHexadecimal } from "./scan-hexadecimal.ts";

/** By the kernel's numbers, from 1. */
const states = [
  "established",
  "syn_sent",
  "syn_recv",
  "fin_wait1",
  "fin_wait2",
  "time_wait",
  "close",
  "close_wait",
  "last_ack",
  "listen",
  "closing",
];
/** Half a million sockets: printing them takes the kernel a second. */
const maximumBytes = 64 * 1024 * 1024;
const chunkBytes = 64 * 1024;
const colon = 0x3a;

interface Tally {
  /** By the kernel's number of the state. */
  readonly sockets: Float64Array;
  receiveBytes: number;
  sendBytes: number;
}

/** Read apart from the agent's loop: the file grows with the sockets, and the kernel takes long to print a large one. */
export const tcpstatSource: Source = {
  name: "tcpstat",
  metrics: [connectionStates],
  sampling: "steady",
  open({ env }) {
    const paths = ["net/tcp", "net/tcp6"].map((name) => join(env.paths.procfs, name));
    const present = paths.filter((path) => existsSync(path));
    if (present.length === 0)
      return absent(`${paths.join(" and ")} aren't there: is --path.procfs a proc filesystem?`);
    return createTcpReader(present);
  },
};

function createTcpReader(paths: readonly string[]): Reader {
  let slots: number[] = [];
  return {
    register(registrar) {
      slots = [...states, "rx_queued_bytes", "tx_queued_bytes"].map((state) =>
        registrar.slot(connectionStates, { state }),
      );
    },
    async read(column, signal) {
      const tally: Tally = {
        sockets: new Float64Array(256),
        receiveBytes: 0,
        sendBytes: 0,
      };
      for (const path of paths) await countSockets(path, tally, signal);
      states.forEach((_, index) => {
        const count = tally.sockets[index + 1] ?? 0;
        // The original has no series for a state that no socket is in.
        if (count > 0) column[slots[index] ?? -1] = count;
      });
      column[slots[states.length] ?? -1] = tally.receiveBytes;
      column[slots[states.length + 1] ?? -1] = tally.sendBytes;
    },
    close() {},
  };
}

async function countSockets(path: string, tally: Tally, signal: AbortSignal): Promise<void> {
  await using file = await open(path);
  const chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let kept = 0;
  for (let total = 0; ;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(chunk, kept, chunkBytes - kept);
    if (bytesRead === 0) return;
    total += bytesRead;
    if (total > maximumBytes)
      throw new WarpwatchError("LIMIT_REACHED", `${path} is larger than ${maximumBytes} bytes`);
    const end = kept + bytesRead;
    const read = countLines(chunk, end, tally);
    chunk.copy(chunk, 0, read, end);
    kept = end - read;
    // No line is as long as this: it is no table of sockets.
    if (kept === chunkBytes)
      throw new WarpwatchError("SOURCE_MALFORMED", `${path} has a line of ${chunkBytes} bytes`);
  }
}

/** Counts the lines that are whole; returns where the first that isn't begins. */
function countLines(bytes: Buffer, end: number, tally: Tally): number {
  let start = 0;
  for (;;) {
    const lineEnd = bytes.indexOf(lineFeed, start);
    if (lineEnd < 0 || lineEnd >= end) return start;
    countLine(bytes, start, lineEnd, tally);
    start = lineEnd + 1;
  }
}

/** `sl: address:port address:port state send:receive …`, all in hexadecimal; the heading has no colon before its words. */
function countLine(bytes: Buffer, start: number, end: number, tally: Tally): void {
  const number = bytes.indexOf(colon, start);
  if (number < 0 || number >= end) return;
  const local = bytes.indexOf(colon, number + 1);
  const remote = bytes.indexOf(colon, local + 1);
  if (local < 0 || remote < 0 || remote >= end) return;
  const cursor = { bytes, position: remote + 1, end };
  scanHexadecimal(cursor);
  const state = scanHexadecimal(cursor);
  const queues = bytes.indexOf(colon, cursor.position);
  const send = scanHexadecimal({ bytes, position: cursor.position, end: Math.min(queues, end) });
  cursor.position = queues + 1;
  const receive = scanHexadecimal(cursor);
  if (queues < 0 || queues >= end || Number.isNaN(state + send + receive)) return;
  tally.sockets[state] = (tally.sockets[state] ?? 0) + 1;
  tally.sendBytes += send;
  tally.receiveBytes += receive;
}
