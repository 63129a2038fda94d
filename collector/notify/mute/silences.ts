/** Silences in use: made, changed and ended as Alertmanager does it (its API v2), each change on disk and in the audit log. */
import type { Clock } from "../../../core/kit/clock.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { AuditLog } from "../../state/audit.ts";
import type { Silence, SilenceMatcher, SilenceStore } from "../../state/silences.ts";
import { compileMatchers, formatMatchers, matchesNothingNamed, type Labels } from "./matcher.ts";
import { createMatcherIndex, type MatcherIndex } from "./matcher-index.ts";

export type SilenceState = "pending" | "active" | "expired";

export interface SilenceRequest {
  /** Empty for a new one. */
  readonly id: string;
  readonly matchers: readonly SilenceMatcher[];
  readonly startsAtMilliseconds: number;
  readonly endsAtMilliseconds: number;
  readonly createdBy: string;
  readonly comment: string;
}

export interface SilenceRefusal {
  /** As Alertmanager answers: amtool shows the sentence of these and of no other. */
  readonly status: 400 | 404;
  readonly sentence: string;
}

/** Who asks: the name that was given, and the address it came from. */
interface Caller {
  readonly actor: string;
  readonly from: string;
}

export interface Silences {
  /** The silence as it now is. */
  set(request: SilenceRequest, from: string): Silence | SilenceRefusal;
  /** Ends it now; null when there is no such silence or it is over already. */
  expire(id: string, caller: Caller): Silence | null;
  get(id: string): Silence | null;
  /** Those that are over as well, for 90 days. */
  list(): Silence[];
  stateOf(silence: Silence): SilenceState;
  /** Those that match and aren't over; some may not have begun. */
  matching(labels: Labels): Silence[];
  /** Rises with every change: what was found before may not hold any more. */
  revision(): number;
  prune(): void;
}

export interface SilencesOptions {
  readonly store: SilenceStore;
  readonly audit: AuditLog;
  /** Puts a change and what the audit log says of it on disk together. */
  readonly transaction: <Result>(work: () => Result) => Result;
  readonly clock: Clock;
  readonly randomId: () => string;
}

export const maximumOpenSilences = 1000;
const longestMilliseconds = 366 * 24 * 3_600_000;

export function createSilences(options: SilencesOptions): Silences {
  const { store, clock } = options;
  const all = new Map(store.load().map((silence) => [silence.id, silence]));
  let index: MatcherIndex<Silence> | null = null;
  let revision = 0;

  /** Whole, as times are in the API: what begins now has begun. */
  const now = (): number => Math.floor(clock.now());
  const stateOf = (silence: Silence): SilenceState => stateAt(silence, now());
  const open = (): Silence[] => [...all.values()].filter((one) => stateOf(one) !== "expired");

  /** Saved first: what isn't on disk isn't so. */
  function keep(changes: readonly Change[], { actor, from }: Caller): void {
    options.transaction(() => {
      for (const { silence, action } of changes) {
        store.save(silence);
        const details = { ...describeSilence(action, silence), from };
        options.audit.record({ kind: "silence", actor, subject: silence.id, details });
      }
    });
    for (const { silence } of changes) all.set(silence.id, silence);
    index = null;
    revision += 1;
  }

  function set(request: SilenceRequest, from: string): Silence | SilenceRefusal {
    const time = now();
    const refusal = judge(request, time);
    if (refusal) return refusal;
    const caller = { actor: request.createdBy, from };
    const before = request.id === "" ? null : (all.get(request.id) ?? null);
    if (request.id !== "" && before === null)
      return { status: 404, sentence: `there is no silence ${request.id}` };
    if (before !== null && canChange(before, request, time)) {
      const silence = { ...request, updatedAtMilliseconds: time };
      keep([{ silence, action: "changed" }], caller);
      return silence;
    }
    const replaced = before !== null && stateAt(before, time) !== "expired" ? before : null;
    if (!replaced && open().length >= maximumOpenSilences)
      return {
        status: 400,
        sentence: `there are ${maximumOpenSilences} silences already: expire some, or make one that covers several`,
      };
    const silence = {
      ...request,
      id: options.randomId(),
      startsAtMilliseconds: Math.max(request.startsAtMilliseconds, time),
      updatedAtMilliseconds: time,
    };
    keep(
      [
        ...(replaced ? [{ silence: end(replaced, time), action: "expired" }] : []),
        { silence, action: "made" },
      ],
      caller,
    );
    return silence;
  }

  return {
    set,
    expire(id, caller) {
      const silence = all.get(id);
      if (silence === undefined || stateOf(silence) === "expired") return null;
      const ended = end(silence, now());
      keep([{ silence: ended, action: "expired" }], caller);
      return ended;
    },
    get: (id) => all.get(id) ?? null,
    list: () => [...all.values()],
    stateOf,
    matching(labels) {
      index ??= indexOf(open());
      return index.find(labels);
    },
    revision: () => revision,
    prune() {
      if (!store.prune(now())) return;
      all.clear();
      for (const silence of store.load()) all.set(silence.id, silence);
      index = null;
      revision += 1;
    },
  };
}

interface Change {
  readonly silence: Silence;
  readonly action: string;
}

export function stateAt(silence: Silence, now: number): SilenceState {
  if (silence.endsAtMilliseconds <= now) return "expired";
  return silence.startsAtMilliseconds <= now ? "active" : "pending";
}

function indexOf(silences: readonly Silence[]): MatcherIndex<Silence> {
  const index = createMatcherIndex<Silence>();
  for (const silence of silences) index.add(silence, compileMatchers(silence.matchers));
  return index;
}

function judge(request: SilenceRequest, now: number): SilenceRefusal | null {
  const { startsAtMilliseconds: start, endsAtMilliseconds: end, matchers } = request;
  const sentence = complaint();
  return sentence === null ? null : { status: 400, sentence };

  function complaint(): string | null {
    if (request.createdBy.trim() === "") return "say who makes it: createdBy is empty";
    if (request.comment.trim() === "") return "say why: the comment is empty";
    if (end <= now) return "endsAt is over already";
    if (end <= start) return "endsAt must be after startsAt";
    if (end - Math.max(start, now) > longestMilliseconds) return "a silence lasts a year at most";
    if (start - now > longestMilliseconds) return "a silence begins within a year";
    try {
      return matchesNothingNamed(matchers)
        ? "it would silence everything: at least one matcher must not match an empty value"
        : null;
    } catch (thrown) {
      return describeError(thrown);
    }
  }
}

/** Alertmanager's rule: who is silenced stays, a start that is over stays; anything else makes a new silence. */
function canChange(before: Silence, request: SilenceRequest, now: number): boolean {
  if (formatMatchers(before.matchers) !== formatMatchers(request.matchers)) return false;
  const state = stateAt(before, now);
  if (state === "active") return request.startsAtMilliseconds === before.startsAtMilliseconds;
  return state === "pending" && request.startsAtMilliseconds >= now;
}

/** One that hasn't begun begins and ends at the same instant, as in Alertmanager. */
function end(silence: Silence, now: number): Silence {
  return {
    ...silence,
    startsAtMilliseconds: Math.min(silence.startsAtMilliseconds, now),
    endsAtMilliseconds: now,
    updatedAtMilliseconds: now,
  };
}

function describeSilence(action: string, silence: Silence): Record<string, string> {
  return {
    action,
    matchers: formatMatchers(silence.matchers),
    startsAt: new Date(silence.startsAtMilliseconds).toISOString(),
    endsAt: new Date(silence.endsAtMilliseconds).toISOString(),
    author: silence.createdBy,
    comment: silence.comment,
  };
}
