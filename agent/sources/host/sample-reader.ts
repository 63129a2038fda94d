/** A reader for small files that are parsed whole every time: whoever gathers says each sample, and the slots are found by order. */
import type { Device } from "../../../core/catalog/device.ts";
import type { LabelValues, Metric } from "../../../core/catalog/metric.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Reader } from "../source.ts";

/** Says one sample. NaN keeps the series and leaves it absent for this round. */
export type AddSample = <Label extends string>(
  metric: Metric<Label>,
  labels: LabelValues<Label>,
  value: number,
  device?: Device | null,
) => void;

interface Known {
  readonly metric: Metric;
  readonly values: readonly string[];
  readonly slot: number;
}

/** `gather` must say its samples in an order that stays as long as the devices do; what it throws fails the round. */
export function createSampleReader(
  gather: (add: AddSample) => void,
  close: () => void = () => {},
): Reader {
  let known: Known[] = [];

  /** Declares in the order of gathering; a file that can't be read now may be readable in `read`. */
  function declare(slots: SlotRegistrar): AddSample {
    return (metric, labels, _value, device) => {
      const values = metric.labels.map((name) => labels[name]);
      known.push({ metric, values, slot: slots.slot(metric, labels, device) });
    };
  }

  return {
    register(slots) {
      known = [];
      gather(declare(slots));
    },
    read(column) {
      let position = 0;
      let same = true;
      gather((metric, labels, value) => {
        const expected = known[position];
        position += 1;
        if (expected === undefined || !isOf(expected, metric, labels)) same = false;
        else column[expected.slot] = value;
      });
      return same && position === known.length ? undefined : "changed";
    },
    close,
  };
}

function isOf(known: Known, metric: Metric, labels: Readonly<Record<string, string>>): boolean {
  if (known.metric !== metric) return false;
  for (let index = 0; index < metric.labels.length; index += 1)
    if (known.values[index] !== labels[metric.labels[index] ?? ""]) return false;
  return true;
}
