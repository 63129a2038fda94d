/**
 * The oracle of the crash test: from the samples that a target served it works out every story that a collector without fault
 * can tell, and says whether the incidents that were opened are one of them.
 */

export interface ServedSample {
  readonly timeMilliseconds: number;
  readonly high: boolean;
  /** The collector asked for the next sample, so this one was judged and made durable. Otherwise it may have been or not. */
  readonly confirmed: boolean;
}

type Phase = "quiet" | "pending" | "firing";

interface Story {
  readonly phase: Phase;
  readonly activeAtMilliseconds: number;
  /** Incidents of the story so far. */
  readonly fired: number;
}

export interface Timing {
  readonly forMilliseconds: number;
  /** How far the collector's clock reading of a sample may be from the target's; 0 where the target's is what it uses. */
  readonly toleranceMilliseconds: number;
}

/**
 * Null when the incidents (by the times at which their alerts fired) are what the samples call for: none missing, none twice,
 * none later than activeAt + `for` and the next judged sample. Otherwise a sentence.
 */
export function judgeIncidents(
  samples: readonly ServedSample[],
  firedAt: readonly number[],
  timing: Timing,
): string | null {
  let stories: Story[] = [{ phase: "quiet", activeAtMilliseconds: 0, fired: 0 }];
  for (const sample of samples) {
    const told = stories.flatMap((story) => {
      // Only stories that the incidents bear out go on.
      const going = tell(story, sample, timing).filter(
        (next) =>
          next.fired === story.fired ||
          isNear(firedAt[story.fired], sample.timeMilliseconds, timing),
      );
      return sample.confirmed ? going : [...going, story];
    });
    stories = distinct(told);
    if (stories.length === 0) return `no story leads past the sample at ${sample.timeMilliseconds}`;
  }
  if (stories.some(({ fired, phase }) => fired === firedAt.length && phase === "quiet"))
    return null;
  const possible = stories.map(({ fired, phase }) => `${fired} (${phase} at the end)`).join(" or ");
  return `${firedAt.length} incidents were opened where the samples call for ${possible}`;
}

/** What the sample makes of the story; two ways where the tolerance leaves open whether `for` was over. */
function tell(story: Story, sample: ServedSample, timing: Timing): Story[] {
  const { timeMilliseconds: time, high } = sample;
  if (!high) return [{ ...story, phase: "quiet", activeAtMilliseconds: 0 }];
  if (story.phase === "firing") return [story];
  const since = story.phase === "pending" ? story.activeAtMilliseconds : time;
  const fires: Story = { phase: "firing", activeAtMilliseconds: 0, fired: story.fired + 1 };
  const waits: Story = { ...story, phase: "pending", activeAtMilliseconds: since };
  const over = time - since - timing.forMilliseconds;
  if (Math.abs(over) < timing.toleranceMilliseconds) return [fires, waits];
  return over >= 0 ? [fires] : [waits];
}

function isNear(firedAt: number | undefined, time: number, timing: Timing): boolean {
  return firedAt !== undefined && Math.abs(firedAt - time) <= timing.toleranceMilliseconds;
}

function distinct(stories: readonly Story[]): Story[] {
  return [...new Map(stories.map((story) => [JSON.stringify(story), story])).values()];
}

export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * How often an incident opens that holds all of these alerts: with the first, and again with the first after the last was over.
 * The least and the most: of two that changed with the same sample either may have been judged first.
 */
export function countStretches(alerts: readonly Stretch[]): [least: number, most: number] {
  const sorted = alerts.toSorted((one, other) => one.from - other.from);
  const count = (isApart: (from: number, end: number) => boolean): number => {
    let found = 0;
    let end = Number.NEGATIVE_INFINITY;
    for (const { from, to } of sorted) {
      if (isApart(from, end)) found += 1;
      end = Math.max(end, to);
    }
    return found;
  };
  return [count((from, end) => from > end), count((from, end) => from >= end)];
}
