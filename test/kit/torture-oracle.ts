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

/**
 * Null when the incidents (by the times at which their alerts fired) are what the samples call for: none missing, none twice,
 * none later than activeAt + `for` and the next judged sample. Otherwise a sentence.
 */
export function judgeIncidents(
  samples: readonly ServedSample[],
  firedAt: readonly number[],
  forMilliseconds: number,
): string | null {
  let stories: Story[] = [{ phase: "quiet", activeAtMilliseconds: 0, fired: 0 }];
  for (const sample of samples) {
    const told = stories.flatMap((story) => {
      const next = tell(story, sample, forMilliseconds);
      // Only stories that the incidents bear out go on.
      const isBorneOut =
        next.fired === story.fired || firedAt[story.fired] === sample.timeMilliseconds;
      const going = isBorneOut ? [next] : [];
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

function tell(story: Story, sample: ServedSample, forMilliseconds: number): Story {
  const { timeMilliseconds: time, high } = sample;
  if (!high) return { ...story, phase: "quiet", activeAtMilliseconds: 0 };
  if (story.phase === "firing") return story;
  const since = story.phase === "pending" ? story.activeAtMilliseconds : time;
  if (time - since >= forMilliseconds)
    return { phase: "firing", activeAtMilliseconds: 0, fired: story.fired + 1 };
  return { ...story, phase: "pending", activeAtMilliseconds: since };
}

function distinct(stories: readonly Story[]): Story[] {
  return [...new Map(stories.map((story) => [JSON.stringify(story), story])).values()];
}
