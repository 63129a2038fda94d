/** What an XID code means and what has to be done about it; the rows are in `xid-table.ts`. */
import { xidTable } from "./xid-table.ts";

/** NVIDIA's immediate actions, with the workflows folded into what they begin with. */
export const xidActions = [
  /** Nothing is wrong with the GPU. */
  "ignore",
  /** The application has to be started again; the GPU goes on. */
  "restart_app",
  /** The GPU has to be drained and reset. */
  "reset_gpu",
  "restart_vm",
  /** The node has to be rebooted. */
  "reboot",
  /** The link's other end, the switch and the cartridge have to be looked at before the GPU is reset. */
  "check_nvlink",
  /** Power, cables, seating. */
  "check_hardware",
  /** Driver or firmware. */
  "update_software",
  /** The message itself says which action. */
  "see_message",
  "contact_support",
  /** NVIDIA names no action, or the code is new to us. */
  "unknown",
] as const;
export type XidAction = (typeof xidActions)[number];

export interface Xid {
  readonly code: number;
  /** NVIDIA's name for it; empty when it has none. */
  readonly mnemonic: string;
  readonly description: string;
  readonly action: XidAction;
  /** The GPU, not just an application, needs hands before it is used again. */
  readonly fatal: boolean;
}

/** These leave the GPU usable; a code we don't know is a case for a person, not for a page. */
export const harmlessActions: ReadonlySet<XidAction> = new Set([
  "ignore",
  "restart_app",
  "see_message",
  "unknown",
]);

/** The GPU's firmware no longer answers: calls to the driver for it may hang until it was reset. */
export const quarantiningXids: ReadonlySet<number> = new Set([119, 120]);

/** NVIDIA names no action for these, yet each says that memory, link or bus failed. */
const fatalWithoutAction: ReadonlySet<number> = new Set([166, 167, 169, 171, 172, 173]);

const xids: ReadonlyMap<number, Xid> = new Map(
  xidTable
    .trim()
    .split("\n")
    .map(parseRow)
    .map((xid) => [xid.code, xid]),
);

/** Every code in the table, ascending. */
export const xidCodes: readonly number[] = [...xids.keys()];

/** A code that isn't in the table is described as unknown, never refused. */
export function describeXid(code: number): Xid {
  return (
    xids.get(code) ?? {
      code,
      mnemonic: "",
      description: `XID ${code} is not in the catalogue of this version`,
      action: "unknown",
      fatal: false,
    }
  );
}

function parseRow(row: string): Xid {
  const [code = "", action = "", mnemonic = "", description = ""] = row.split(" | ");
  if (!isAction(action)) throw new RangeError(`xid table: no such action in "${row}"`);
  return {
    code: Number(code),
    mnemonic: mnemonic === "-" ? "" : mnemonic,
    description,
    action,
    fatal: !harmlessActions.has(action) || fatalWithoutAction.has(Number(code)),
  };
}

function isAction(text: string): text is XidAction {
  return (xidActions as readonly string[]).includes(text);
}
