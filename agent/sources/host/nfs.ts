/** What this machine asks of NFS servers, from /proc/net/rpc/nfs. */
import { join } from "node:path";
import * as servers from "../../../core/catalog/file-servers.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { afterCount, planRpc, procedures2, procedures3, type DeclareNumber } from "./rpc-table.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

/** In the order of the kernel's fs/nfs/nfs4xdr.c. */
const procedures4 =
  "Null Read Write Commit Open OpenConfirm OpenNoattr OpenDowngrade Close Setattr FsInfo Renew SetClientID SetClientIDConfirm Lock Lockt Locku Access Getattr Lookup LookupRoot Remove Rename Link Symlink Create Pathconf StatFs ReadLink ReadDir ServerCaps DelegReturn GetACL SetACL FsLocations ReleaseLockowner Secinfo FsidPresent ExchangeID CreateSession DestroySession Sequence GetLeaseTime ReclaimComplete GetDeviceInfo LayoutGet LayoutCommit LayoutReturn SecinfoNoName TestStateID FreeStateID GetDeviceList BindConnToSession DestroyClientID Seek Allocate DeAllocate LayoutStats Clone".split(
    " ",
  );

const table = {
  net: [
    null,
    (slots) => slots.slot(servers.nfsPackets, { protocol: "udp" }),
    (slots) => slots.slot(servers.nfsPackets, { protocol: "tcp" }),
    (slots) => slots.slot(servers.nfsConnections, {}),
  ],
  rpc: [
    (slots) => slots.slot(servers.nfsCalls, {}),
    (slots) => slots.slot(servers.nfsRetransmissions, {}),
    (slots) => slots.slot(servers.nfsAuthentications, {}),
  ],
  proc2: afterCount(requests("2", procedures2)),
  proc3: afterCount(requests("3", procedures3)),
  proc4: afterCount(requests("4", procedures4)),
} satisfies Record<string, DeclareNumber[]>;

export const nfsSource: Source = {
  name: "nfs",
  metrics: [
    servers.nfsPackets,
    servers.nfsConnections,
    servers.nfsCalls,
    servers.nfsRetransmissions,
    servers.nfsAuthentications,
    servers.nfsRequests,
  ],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "net/rpc/nfs");
    const file = openKeptFile(path);
    if (!file) return absent(missing("nfs", env.paths, path));
    return createTableReader(file, { plan: (slots) => planRpc(slots, table) });
  },
};

function requests(proto: string, procedures: readonly string[]): DeclareNumber[] {
  return procedures.map((method) => (slots) => slots.slot(servers.nfsRequests, { proto, method }));
}
