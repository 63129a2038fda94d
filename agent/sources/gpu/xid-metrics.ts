/** How an XID, which happens once, becomes series: counters from zero, last-event times, dcgm-exporter's last code. */
import { lastXid, xidEvents, xidLastEvent } from "../../../core/catalog/gpu-errors.ts";
import {
  dcgmLabels,
  gpuDevice,
  gpuLabels,
  type GpuIdentity,
} from "../../../core/catalog/gpu-labels.ts";
import { describeXid, xidActions, type XidAction } from "../../../core/catalog/xid.ts";
import type { Place } from "../../../core/catalog/device.ts";
import type { EventReport } from "../../../core/wire/event.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";

/** What a source that uses {@link createXidMetrics} adds to its `metrics`. */
export const xidMetrics = [lastXid, xidEvents, xidLastEvent] as const;

/** A driver that reports more than this reports nonsense; the bounds keep nonsense from growing. */
const maximumGpus = 256;
const maximumCodesPerGpu = 32;

export interface XidMetrics {
  /**
   * Counts one XID of the GPU with this UUID.
   * True when it made a series or changed a label: the reader has to say "changed".
   */
  note(uuid: string, code: number, timeMilliseconds: number): boolean;
  /** An XID from before the agent's start: it has a time, and isn't counted. Returns as {@link note} does. */
  recall(uuid: string, code: number, timeMilliseconds: number): boolean;
  /** Declares the series of these GPUs; a counter exists at 0 for every action before the first XID. */
  register(slots: SlotRegistrar, gpus: readonly GpuIdentity[], place: Place): void;
  /** Writes the samples of what was registered last. */
  write(column: Float64Array): void;
  /** XIDs that were left out of the last-event times, or altogether, to keep the bounds. */
  readonly dropped: number;
}

interface GpuHistory {
  readonly counts: Map<XidAction, number>;
  readonly lastEvents: Map<number, number>;
  lastCode: number;
  lastTimeMilliseconds: number;
}

export function createXidMetrics(): XidMetrics {
  const histories = new Map<string, GpuHistory>();
  let writers: ((column: Float64Array) => void)[] = [];
  let dropped = 0;

  function historyOf(uuid: string): GpuHistory | undefined {
    const known = histories.get(uuid);
    if (known || histories.size >= maximumGpus) return known;
    const made = createHistory();
    histories.set(uuid, made);
    return made;
  }

  function take(uuid: string, code: number, timeMilliseconds: number, counts: boolean): boolean {
    const history = historyOf(uuid);
    if (!history) {
      dropped += 1;
      return false;
    }
    const { action } = describeXid(code);
    if (counts) history.counts.set(action, (history.counts.get(action) ?? 0) + 1);
    const madeSeries = noteTime(history, code, timeMilliseconds);
    if (madeSeries === undefined) dropped += 1;
    if (timeMilliseconds < history.lastTimeMilliseconds) return madeSeries === true;
    const changedLabel = history.lastCode !== code;
    history.lastCode = code;
    history.lastTimeMilliseconds = timeMilliseconds;
    return madeSeries === true || changedLabel;
  }

  return {
    get dropped() {
      return dropped;
    },
    note: (uuid, code, timeMilliseconds) => take(uuid, code, timeMilliseconds, true),
    recall: (uuid, code, timeMilliseconds) => take(uuid, code, timeMilliseconds, false),
    register(slots, gpus, place) {
      writers = [];
      for (const gpu of gpus) {
        const history = historyOf(gpu.uuid);
        if (history) writers.push(...registerGpu(slots, gpu, place, history));
      }
    },
    write(column) {
      for (const write of writers) write(column);
    },
  };
}

/** The event that goes with a counted XID, in the one form that all sources report. */
export function xidEvent(
  uuid: string,
  code: number,
  timeMilliseconds: number,
  message: string,
): EventReport {
  const { mnemonic, description, action, fatal } = describeXid(code);
  return {
    timeMilliseconds,
    kind: "xid",
    device: uuid,
    text: message || `XID ${code}: ${description}`,
    fields: { xid: String(code), mnemonic, description, action, fatal: String(fatal) },
  };
}

function createHistory(): GpuHistory {
  return { counts: new Map(), lastEvents: new Map(), lastCode: 0, lastTimeMilliseconds: 0 };
}

/** True for a code that is new to the GPU, undefined where there's no room for it. */
function noteTime(history: GpuHistory, code: number, timeMilliseconds: number) {
  const earlier = history.lastEvents.get(code);
  if (earlier === undefined && history.lastEvents.size >= maximumCodesPerGpu) return undefined;
  history.lastEvents.set(code, Math.max(earlier ?? 0, timeMilliseconds));
  return earlier === undefined;
}

function registerGpu(
  slots: SlotRegistrar,
  gpu: GpuIdentity,
  place: Place,
  history: GpuHistory,
): ((column: Float64Array) => void)[] {
  const device = gpuDevice(gpu, place);
  const own = gpuLabels(gpu);
  const code = history.lastCode;
  const message = code === 0 ? "No Error" : describeXid(code).description;
  const last = slots.slot(
    lastXid,
    { ...dcgmLabels(gpu), err_code: String(code), err_msg: message },
    device,
  );
  const writers = [(column: Float64Array) => void (column[last] = code)];
  for (const action of xidActions) {
    const slot = slots.slot(xidEvents, { ...own, action }, device);
    writers.push((column) => void (column[slot] = history.counts.get(action) ?? 0));
  }
  for (const xid of history.lastEvents.keys()) {
    const { action } = describeXid(xid);
    const slot = slots.slot(xidLastEvent, { ...own, xid: String(xid), action }, device);
    writers.push((column) => void (column[slot] = (history.lastEvents.get(xid) ?? 0) / 1000));
  }
  return writers;
}
