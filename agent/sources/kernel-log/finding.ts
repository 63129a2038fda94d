/** What a record of the kernel log comes to, and the form of the tables that find it. */
import type { KernelSeverity } from "../../../core/catalog/kernel-log.ts";
import type { EventKind } from "../../../core/wire/event.ts";

export interface Finding {
  readonly kind: EventKind;
  readonly severity: KernelSeverity;
  /** What it is about, to tell one burst from another: a PCI address, a device, a process. */
  readonly subject: string;
  /** PCI address of the GPU it is about; empty where it isn't about one. */
  readonly gpuAddress: string;
  /** The XID's code; 0 for what isn't an XID. */
  readonly xid: number;
  readonly fields: Readonly<Record<string, string>>;
}

/** The named groups of an expression. */
export type Groups = Readonly<Record<string, string | undefined>>;

export interface Pattern {
  readonly kind: EventKind;
  /** Every severity that `read` may give, so that each has a counter from the start. */
  readonly severities: readonly KernelSeverity[];
  readonly expression: RegExp;
  read(groups: Groups): Finding;
}

/** A pattern whose named groups are the event's fields; the first of them is what it is about. */
export function pattern(
  kind: EventKind,
  severity: KernelSeverity,
  expression: RegExp,
  read: (groups: Groups) => Partial<Finding> = () => ({}),
  severities: readonly KernelSeverity[] = [severity],
): Pattern {
  return {
    kind,
    severities,
    expression,
    read(groups) {
      const fields: Record<string, string> = {};
      for (const [name, value] of Object.entries(groups))
        if (value !== undefined && value !== "") fields[name] = value.trim();
      const subject = Object.values(fields)[0] ?? "";
      const more = read(groups);
      const own = { kind, severity, subject, gpuAddress: "", xid: 0, ...more };
      return { ...own, fields: { ...fields, ...more.fields } };
    },
  };
}
