/** The files of /proc/net/rpc: a word and its numbers per line, as the kernel's net/sunrpc/stats.c and fs/nfsd/stats.c print them. */
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { LinePlanner } from "./line-table.ts";

/** Declares one number; null passes over it. */
export type DeclareNumber = ((slots: SlotRegistrar) => number) | null;

/** Line → what its numbers are, by place; a kernel that prints fewer has fewer series. */
export type RpcTable = Readonly<Record<string, readonly DeclareNumber[]>>;

/** Lines of procedures begin with how many there are. */
export function afterCount(declare: readonly DeclareNumber[]): DeclareNumber[] {
  return [null, ...declare];
}

export function planRpc(slots: SlotRegistrar, table: RpcTable): LinePlanner {
  return (line) => {
    const [key = "", ...numbers] = line.trimEnd().split(" ");
    if (!Object.hasOwn(table, key)) return null;
    const declared = (table[key] ?? []).slice(0, numbers.length);
    return {
      keyBytes: key.length + 1,
      slots: declared.map((declare) => declare?.(slots) ?? -1),
    };
  };
}

/** Procedures of NFS version 2, RFC 1094, in the order of their numbers. */
export const procedures2 =
  "Null GetAttr SetAttr Root Lookup ReadLink Read WrCache Write Create Remove Rename Link SymLink MkDir RmDir ReadDir FsStat".split(
    " ",
  );
/** Procedures of NFS version 3, RFC 1813, in the order of their numbers. */
export const procedures3 =
  "Null GetAttr SetAttr Lookup Access ReadLink Read Write Create MkDir SymLink MkNod Remove RmDir Rename Link ReadDir ReadDirPlus FsStat FsInfo PathConf Commit".split(
    " ",
  );
