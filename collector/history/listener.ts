/** Hands what the door let in to history: the door's state of an origin, made a frame again. */
import { describeError } from "../../core/kit/errors.ts";
import { isPresent, setPresent, type Frame } from "../../core/wire/frame.ts";
import type { OriginListener, OriginState } from "../origin.ts";
import type { History } from "./history.ts";
import { writeStalenessMarker } from "./sample.ts";

/** What was handed on last of an origin that sends partial frames: the state keeps samples of earlier ones. */
interface Before {
  readonly schema: OriginState["schema"];
  readonly times: Float64Array;
  readonly present: Uint8Array;
}

/** Of an origin that sends whole frames: which was handed on last. */
interface Last {
  readonly sequence: number;
  readonly revision: number;
}

export interface HistoryListener extends OriginListener {
  /** Of the frame that was handed on last: resolves when it is on disk, rejects when it won't be. */
  readonly stored: Promise<void>;
}

/** Frames of `skippedBoots` are in history already: who hands them to the door waits for its own. */
export function createHistoryListener(
  history: Pick<History, "append">,
  skippedBoots: readonly string[] = [],
): HistoryListener {
  const partial = new Map<string, Before>();
  const whole = new Map<string, Last>();
  let stored = Promise.resolve();

  /** What fails is counted and logged there, and told to whoever waits for it. */
  function keep(frame: Frame): void {
    stored = history.append(frame);
    stored.catch((thrown: unknown) => void describeError(thrown));
  }

  return {
    get stored() {
      return stored;
    },
    /** What the sender says of its differences is of all that it sent, and not of what was let in. */
    late: ({ schema, sequence, timestamps, values, present, complete }) =>
      keep({ schema, sequence, timestamps, values, present, complete }),
    frame(state) {
      const { key, schema, sequence, revision } = state;
      if (skippedBoots.includes(state.origin.boot)) return;
      if (state.complete) {
        const frame = wholeFrame(state, whole.get(key));
        whole.set(key, { sequence, revision });
        keep(frame);
        return;
      }
      const frame = newFrame(state, partial.get(key));
      partial.set(key, { schema, times: state.times.slice(), present: state.present.slice() });
      keep(frame);
    },
    forget(key) {
      partial.delete(key);
      whole.delete(key);
    },
  };
}

function wholeFrame(state: OriginState, last: Last | undefined): Frame {
  const { schema, sequence, values, present, times } = state;
  const timestamps = new Float64Array(schema.groups.length);
  schema.groups.forEach(({ first, length }, group) => {
    let slot = first;
    while (slot < first + length && !isPresent(present, slot)) slot += 1;
    timestamps[group] = slot < first + length ? times[slot]! : state.timeMilliseconds;
  });
  const frame = { schema, sequence, timestamps, values, present, complete: true };
  if (last?.revision !== state.revision - 1) return frame;
  return { ...frame, difference: { since: last.sequence, slots: state.changed } };
}

/** Only what the last frame brought: samples with a new time, and an end for the series that it ended. */
function newFrame(state: OriginState, before: Before | undefined): Frame {
  const { schema, sequence, times } = state;
  const known = before?.schema === schema ? before : undefined;
  const values = state.values.slice();
  const present = new Uint8Array(state.present.length);
  const timestamps = new Float64Array(schema.groups.length).fill(state.timeMilliseconds);
  schema.groups.forEach(({ first, length }, group) => {
    for (let slot = first; slot < first + length; slot += 1) {
      const isThere = isPresent(state.present, slot);
      if (isThere && times[slot] !== known?.times[slot]) {
        timestamps[group] = times[slot] ?? 0;
        setPresent(present, slot);
      } else if (!isThere && known && isPresent(known.present, slot)) {
        writeStalenessMarker(values, slot);
        setPresent(present, slot);
      }
    }
  });
  return { schema, sequence, timestamps, values, present, complete: false };
}
