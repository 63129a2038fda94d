/** Protocol statistics from /proc/net/netstat, snmp and snmp6, as the kernel's net/ipv4/proc.c and net/ipv6/proc.c print them. */
import { join } from "node:path";
import { protocolStatistic } from "../../../core/catalog/net-statistics.ts";
import type { FamilyForm } from "../../../core/catalog/metric.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { absent, type Source } from "../source.ts";
import { joinReaders } from "./join-readers.ts";
import { openKeptFile } from "./kept-file.ts";
import type { LinePlanner } from "./line-table.ts";
import { createTableReader } from "./table-reader.ts";
import type { HostOptions, NameFilter } from "./options.ts";
import { missing } from "./missing.ts";

const gaugeKeys: ReadonlySet<string> = new Set(["Ip_Forwarding", "Tcp_CurrEstab"]);

export function createNetstatSource({ keepsField }: HostOptions["netstat"]): Source {
  return {
    name: "netstat",
    metrics: [protocolStatistic],
    sampling: "fast",
    open({ env }) {
      const folder = join(env.paths.procfs, "net");
      const readers = (
        [
          ["netstat", planPairs],
          ["snmp", planPairs],
          ["snmp6", planSingles],
        ] as const
      ).flatMap(([name, plan]) => {
        const file = openKeptFile(join(folder, name), { initialBytes: 8192 });
        return file ? [createTableReader(file, { plan: (slots) => plan(slots, keepsField) })] : [];
      });
      if (readers.length === 0)
        return absent(missing("protocols", env.paths, join(folder, "snmp")));
      return joinReaders(readers);
    },
  };
}

/** A line of names and a line of numbers, both beginning with the protocol and a colon. */
function planPairs(slots: SlotRegistrar, keepsField: NameFilter): LinePlanner {
  let names: readonly string[] = [];
  return (line) => {
    const match = /^(\w+):/.exec(line);
    if (!match?.[1]) return null;
    const [, protocol] = match;
    const fields = line.slice(match[0].length).trim().split(/\s+/);
    if (names.length === 0 && !/^-?\d/.test(fields[0] ?? "")) {
      names = fields.map((field) => `${protocol}_${field}`);
      return { keyBytes: line.length, slots: [] };
    }
    const found = names.map((name) => slotOf(slots, name, keepsField));
    names = [];
    return { keyBytes: match[0].length, slots: found };
  };
}

/** `Ip6InReceives 42`: the protocol ends with the 6. */
function planSingles(slots: SlotRegistrar, keepsField: NameFilter): LinePlanner {
  return (line) => {
    const match = /^(\w+?6)(\w+)\s/.exec(line);
    if (!match) return null;
    return {
      keyBytes: match[0].length - 1,
      slots: [slotOf(slots, `${match[1]}_${match[2]}`, keepsField)],
    };
  };
}

function slotOf(slots: SlotRegistrar, key: string, keepsField: NameFilter): number {
  if (!keepsField(key)) return -1;
  const form: FamilyForm = gaugeKeys.has(key) ? { kind: "gauge" } : {};
  return slots.slot(protocolStatistic.metric(key, form), {});
}
