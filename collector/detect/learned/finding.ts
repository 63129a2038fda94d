/** Findings: what learned detectors say to people, and the book of those that are open. */
import { packSnapshot, unpackSnapshot } from "./snapshot.ts";

/** What a finding is about. */
export interface Subject {
  readonly node: string;
  /** What people call the device on its node: `gpu3`, `/scratch`, `eth0`; the node's name for the node itself. */
  readonly subject: string;
  /** A GPU's UUID, or empty. */
  readonly uuid: string;
  /** The series' metric. */
  readonly metric: string;
}

export interface Forecasted {
  readonly expectedMilliseconds: number;
  readonly earliestMilliseconds: number;
  /** Infinity when the slow end of the interval never gets there. */
  readonly latestMilliseconds: number;
}

export interface Finding extends Subject {
  readonly detector: string;
  readonly sinceMilliseconds: number;
  /** One sentence with its numbers. */
  readonly text: string;
  readonly score: number;
  readonly unit: string;
  /** Only of a forecast. */
  readonly forecast: Forecasted | null;
}

/** Where detectors report; a finding is told from others by its detector, node, subject and metric. */
export interface FindingSink {
  /** Opens the finding, or brings the open one up to date; `since` stays that of the opening. */
  report(finding: Finding): void;
  close(detector: string, subject: Subject, timeMilliseconds: number): void;
}

export interface ClosedFinding extends Finding {
  readonly endedMilliseconds: number;
}

export interface FindingBook extends FindingSink {
  /** Oldest first. */
  list(): Finding[];
  /** Closed within the last ten minutes. */
  closed(nowMilliseconds: number): ClosedFinding[];
  /** Closes all of a node, or of one of its devices. */
  closeAll(node: string, device: string | null, timeMilliseconds: number): void;
  snapshot(): Uint8Array;
  restore(bytes: Uint8Array): boolean;
}

const version = 1;
const maximumFindings = 1000;
const rememberedMilliseconds = 600_000;

export function createFindingBook(onDropped: (detector: string) => void = () => {}): FindingBook {
  const open = new Map<string, Finding>();
  const closed = new Map<string, ClosedFinding>();

  function end(key: string, timeMilliseconds: number): void {
    const found = open.get(key);
    if (!found) return;
    open.delete(key);
    const [oldest] = closed.keys();
    if (closed.size >= maximumFindings && oldest !== undefined) closed.delete(oldest);
    closed.delete(key);
    closed.set(key, { ...found, endedMilliseconds: timeMilliseconds });
  }

  return {
    report(finding) {
      const key = keyOf(finding.detector, finding);
      const known = open.get(key);
      if (!known && open.size >= maximumFindings) {
        onDropped(finding.detector);
        return;
      }
      closed.delete(key);
      open.set(
        key,
        known ? { ...finding, sinceMilliseconds: known.sinceMilliseconds } : { ...finding },
      );
    },
    close: (detector, subject, time) => end(keyOf(detector, subject), time),
    list: () =>
      [...open.values()].toSorted((one, other) => one.sinceMilliseconds - other.sinceMilliseconds),
    closed(now) {
      for (const [key, { endedMilliseconds }] of closed)
        if (now - endedMilliseconds > rememberedMilliseconds) closed.delete(key);
      return [...closed.values()];
    },
    closeAll(node, device, time) {
      for (const [key, finding] of open) {
        const concerned = device === null || finding.uuid === device || finding.subject === device;
        if (finding.node === node && concerned) end(key, time);
      }
    },
    // JSON has no Infinity: a forecast without a latest date is kept as null.
    snapshot: () => packSnapshot(version, [...open.values()], []),
    restore(bytes) {
      const found = unpackSnapshot(version, bytes);
      if (!found || !Array.isArray(found.header)) return false;
      open.clear();
      for (const saved of found.header as Finding[]) {
        const { forecast } = saved;
        const latestMilliseconds = forecast?.latestMilliseconds ?? Infinity;
        open.set(keyOf(saved.detector, saved), {
          ...saved,
          forecast: forecast ? { ...forecast, latestMilliseconds } : null,
        });
      }
      return true;
    },
  };
}

function keyOf(detector: string, { node, subject, metric }: Subject): string {
  return [detector, node, subject, metric].join("\u0000");
}
