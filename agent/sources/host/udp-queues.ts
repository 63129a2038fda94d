/** Bytes that wait in UDP sockets, from /proc/net/udp and udp6: a heading, then a line per socket, as proc(5) tells it. */
import { join } from "node:path";
import { udpQueues } from "../../../core/catalog/net-statistics.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createSampleReader } from "./sample-reader.ts";
import { nextLine } from "./scan.ts";
import { missing } from "./missing.ts";

/** `  12: 0100007F:0035 00000000:0000 07 00000000:00000000 …`: number, two addresses, state, queues. */
const linePattern = /^\s*\d+: [\dA-F]+:[\dA-F]+ [\dA-F]+:[\dA-F]+ [\dA-F]+ ([\dA-F]+):([\dA-F]+) /i;
/** The queues end within so many bytes of the line's start, even with addresses of IPv6. */
const lineHead = 128;

export const udpQueuesSource: Source = {
  name: "udp_queues",
  metrics: [udpQueues],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.procfs, "net");
    const files = (
      [
        ["udp", "v4"],
        ["udp6", "v6"],
      ] as const
    ).flatMap(([name, ip]) => {
      const file = openKeptFile(join(folder, name));
      return file ? [{ file, ip }] : [];
    });
    if (files.length === 0) return absent(missing("protocols", env.paths, join(folder, "udp")));
    return createSampleReader(
      (add) => {
        for (const { file, ip } of files) {
          file.read();
          const { transmit, receive } = sumQueues(file.bytes, file.length);
          add(udpQueues, { queue: "tx", ip }, transmit);
          add(udpQueues, { queue: "rx", ip }, receive);
        }
      },
      () => files.forEach(({ file }) => file.close()),
    );
  },
};

function sumQueues(bytes: Buffer, length: number): { transmit: number; receive: number } {
  let transmit = 0;
  let receive = 0;
  for (let start = 0; start < length; start = nextLine(bytes, start, length)) {
    const match = linePattern.exec(
      bytes.toString("latin1", start, Math.min(start + lineHead, length)),
    );
    if (!match) continue;
    transmit += Number.parseInt(match[1] ?? "", 16);
    receive += Number.parseInt(match[2] ?? "", 16);
  }
  return { transmit, receive };
}
