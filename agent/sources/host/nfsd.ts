/** What other machines ask of this one's NFS server, from /proc/net/rpc/nfsd. */
import { join } from "node:path";
import * as servers from "../../../core/catalog/file-servers.ts";
import type { FamilyForm } from "../../../core/catalog/metric.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { afterCount, planRpc, procedures2, procedures3, type DeclareNumber } from "./rpc-table.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

/** Operations of NFS version 4, RFC 7530, in the order of their numbers; a dash is one that node_exporter doesn't tell. */
const operations4 =
  "- - - Access Close Commit Create DelegPurge DelegReturn GetAttr GetFH Link Lock Lockt Locku Lookup LookupRoot Nverify Open OpenAttr OpenConfirm OpenDgrd PutFH - - Read ReadDir ReadLink Remove Rename Renew RestoreFH SaveFH SecInfo SetAttr SetClientID SetClientIDConfirm Verify Write RelLockOwner".split(
    " ",
  );
/** Of versions 2 and 3 it tells all but the call that does nothing. */
const withoutNull = (procedures: readonly string[]): string[] => ["-", ...procedures.slice(1)];

const table = {
  rc: [
    count("reply_cache_hits_total"),
    count("reply_cache_misses_total"),
    count("reply_cache_nocache_total"),
  ],
  fh: [count("file_handles_stale_total")],
  io: [count("disk_bytes_read_total"), count("disk_bytes_written_total")],
  th: [count("server_threads", { kind: "gauge" })],
  ra: [
    count("read_ahead_cache_size_blocks", { kind: "gauge" }),
    ...Array.from({ length: 10 }, () => null),
    count("read_ahead_cache_not_found_total"),
  ],
  net: [
    null,
    (slots) => slots.slot(servers.nfsdPackets, { proto: "udp" }),
    (slots) => slots.slot(servers.nfsdPackets, { proto: "tcp" }),
    count("connections_total"),
  ],
  rpc: [
    count("server_rpcs_total"),
    null,
    (slots) => slots.slot(servers.nfsdErrors, { error: "fmt" }),
    (slots) => slots.slot(servers.nfsdErrors, { error: "auth" }),
    (slots) => slots.slot(servers.nfsdErrors, { error: "cInt" }),
  ],
  proc2: afterCount(requests("2", withoutNull(procedures2))),
  proc3: afterCount(requests("3", withoutNull(procedures3))),
  proc4ops: afterCount(requests("4", operations4)),
  wdeleg_getattr: requests("4", ["WdelegGetattr"]),
} satisfies Record<string, DeclareNumber[]>;

export const nfsdSource: Source = {
  name: "nfsd",
  metrics: [servers.nfsd, servers.nfsdPackets, servers.nfsdErrors, servers.nfsdRequests],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "net/rpc/nfsd");
    const file = openKeptFile(path);
    if (!file) return absent(missing("nfsd", env.paths, path));
    return createTableReader(file, { plan: (slots) => planRpc(slots, table) });
  },
};

function count(key: string, form: FamilyForm = {}): DeclareNumber {
  return (slots) => slots.slot(servers.nfsd.metric(key, form), {});
}

function requests(proto: string, methods: readonly string[]): DeclareNumber[] {
  return methods.map((method) =>
    method === "-" ? null : (slots) => slots.slot(servers.nfsdRequests, { proto, method }),
  );
}
