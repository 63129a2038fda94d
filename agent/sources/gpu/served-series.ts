/** Which series of which GPU other sources serve, so that one that knows the same by another way doesn't serve them too. */
import type { LabelValues, Metric } from "../../../core/catalog/metric.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Reader, Source } from "../source.ts";

export interface ServedSeries {
  /** The same source, of which is noted what it registers. */
  follow(source: Source): Source;
  /** `instance` is a MIG instance's number; empty for a whole GPU. */
  has(name: string, uuid: string, instance: string): boolean;
  /** Rises when what is served is no longer the same. */
  readonly revision: number;
}

const none: ReadonlySet<string> = new Set();

export function createServedSeries(): ServedSeries {
  const served = new Map<string, ReadonlySet<string>>();
  let revision = 0;

  function note(source: string, keys: ReadonlySet<string>): void {
    const before = served.get(source) ?? none;
    if (before.size === keys.size && [...keys].every((key) => before.has(key))) return;
    served.set(source, keys);
    revision += 1;
  }

  function watch(source: string, reader: Reader): Reader {
    return {
      register(slots) {
        const keys = new Set<string>();
        reader.register(noting(slots, keys));
        note(source, keys);
      },
      read: (column, signal) => reader.read(column, signal),
      close() {
        note(source, none);
        reader.close();
      },
    };
  }

  return {
    follow: (source) => ({
      ...source,
      async open(context, signal) {
        const opened = await source.open(context, signal);
        return "absent" in opened ? opened : watch(source.name, opened);
      },
    }),
    has: (name, uuid, instance) =>
      [...served.values()].some((keys) => keys.has(keyOf(name, uuid, instance))),
    get revision() {
      return revision;
    },
  };
}

function noting(slots: SlotRegistrar, keys: Set<string>): SlotRegistrar {
  return {
    slot<Label extends string>(
      metric: Metric<Label>,
      labels: LabelValues<Label>,
      device?: Parameters<SlotRegistrar["slot"]>[2],
    ) {
      const all: Readonly<Record<string, string | undefined>> = labels;
      const { UUID: uuid, GPU_I_ID: instance = "" } = all;
      if (uuid !== undefined) keys.add(keyOf(metric.name, uuid, instance));
      return slots.slot(metric, labels, device);
    },
  };
}

function keyOf(name: string, uuid: string, instance: string): string {
  return `${name} ${uuid} ${instance}`;
}
