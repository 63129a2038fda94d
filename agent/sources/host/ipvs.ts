/** The kernel's load balancer from /proc/net/ip_vs and ip_vs_stats, as net/netfilter/ipvs/ip_vs_ctl.c prints them: addresses and sums are hexadecimal. */
import { join } from "node:path";
import { ipvs, ipvsBackend } from "../../../core/catalog/file-servers.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile, type KeptFile } from "./kept-file.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";
import { missing } from "./missing.ts";

const sums = [
  "connections_total",
  "incoming_packets_total",
  "outgoing_packets_total",
  "incoming_bytes_total",
  "outgoing_bytes_total",
];
/** Two lines of headings stand above them. */
const sumsLine = 2;

interface Place {
  readonly address: string;
  readonly port: string;
}

interface BackendLabels {
  readonly local_address: string;
  readonly local_port: string;
  readonly remote_address: string;
  readonly remote_port: string;
  readonly proto: string;
  readonly local_mark: string;
}

interface Backend {
  readonly labels: BackendLabels;
  weight: number;
  active: number;
  inactive: number;
}

export const ipvsSource: Source = {
  name: "ipvs",
  metrics: [ipvs, ipvsBackend],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.procfs, "net");
    const totals = openKeptFile(join(folder, "ip_vs_stats"));
    if (!totals) return absent(missing("ipvs", env.paths, join(folder, "ip_vs_stats")));
    const table = openKeptFile(join(folder, "ip_vs"));
    return createSampleReader(
      (add) => {
        const fields = linesOf(totals)[sumsLine]?.trim().split(/\s+/) ?? [];
        sums.forEach((key, index) => add(ipvs.metric(key), {}, parseHexadecimal(fields[index])));
        if (table) addBackends(add, linesOf(table));
      },
      () => {
        totals.close();
        table?.close();
      },
    );
  },
};

function linesOf(file: KeptFile): string[] {
  file.read();
  return file.bytes.toString("latin1", 0, file.length).split("\n");
}

/** A line for each service, and behind it one with an arrow for each of its servers. */
function addBackends(add: AddSample, lines: readonly string[]): void {
  const backends = new Map<string, Backend>();
  let proto = "";
  let mark = "";
  let local: Place | null = null;
  for (const line of lines) {
    const [first = "", second = "", , weight, active, inactive] = line.trim().split(/\s+/);
    if (first === "TCP" || first === "UDP" || first === "FWM") {
      proto = first;
      mark = first === "FWM" ? second : "";
      local = first === "FWM" ? { address: "", port: "0" } : parsePlace(second);
    } else if (first === "->" && inactive !== undefined) {
      const remote = parsePlace(second);
      if (local === null || remote === null) continue;
      const labels = {
        local_address: local.address,
        local_port: local.port,
        remote_address: remote.address,
        remote_port: remote.port,
        proto,
        local_mark: mark,
      };
      const key = Object.values(labels).join(" ");
      const backend = backends.get(key) ?? { labels, weight: 0, active: 0, inactive: 0 };
      backend.weight += Number(weight);
      backend.active += Number(active);
      backend.inactive += Number(inactive);
      backends.set(key, backend);
    }
  }
  for (const { labels, active, inactive, weight } of backends.values()) {
    add(ipvsBackend.metric("connections_active"), labels, active);
    add(ipvsBackend.metric("connections_inactive"), labels, inactive);
    add(ipvsBackend.metric("weight"), labels, weight);
  }
}

/** `C0A80016:0CEA`, or `[2001:…]:0CEA` with an address of version 6. */
function parsePlace(text: string): Place | null {
  const match = /^(?:([\dA-F]{8})|\[([\dA-F:]+)\]):([\dA-F]{4})$/i.exec(text);
  if (!match) return null;
  const [, four, six] = match;
  const port = String(Number.parseInt(match[3] ?? "", 16));
  if (four !== undefined) return { address: [...Buffer.from(four, "hex")].join("."), port };
  return { address: shortenAddress(six ?? ""), port };
}

/** The form of RFC 5952: no leading zeros, the longest run of zero groups as two colons. */
function shortenAddress(address: string): string {
  try {
    return new URL(`http://[${address}]`).hostname.slice(1, -1);
  } catch {
    return address;
  }
}

function parseHexadecimal(text: string | undefined): number {
  return text !== undefined && /^[\dA-F]+$/i.test(text) ? Number(`0x${text}`) : Number.NaN;
}
