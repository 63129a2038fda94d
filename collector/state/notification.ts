/** A notification: what one notifier is to tell of one incident, decided once and kept as text until it is accepted. */
import { WarpwatchError } from "../../core/kit/errors.ts";
import { sealText, unsealText } from "../../core/kit/sealed-text.ts";
import type { Alert } from "./alert.ts";
import { decodeAlert, encodeAlert } from "./alert-codec.ts";

export type NotificationAction = "trigger" | "update" | "acknowledge" | "resolve" | "digest";

/**
 * Why it is told now: something began or changed, it lasts, nobody took it on, something grave joined what was taken on, or
 * what people weren't called for.
 */
export type Occasion = "fired" | "changed" | "repeated" | "escalated" | "reopened" | "worsened";

/** Whether the face is one of the incident's alerts, or a summary of all: of a digest, or of a storm. */
export type TellingKind = "alerts" | "digest" | "storm";

/** One alert of an incident, as a line. */
export interface MemberLine {
  readonly fingerprint: string;
  readonly rule: string;
  readonly severity: string;
  readonly node: string;
  readonly summary: string;
  /** It was over before it was told. */
  readonly over: boolean;
}

export interface Acknowledgement {
  readonly by: string;
  readonly comment: string;
  readonly atMilliseconds: number;
}

/** The step of an escalation at which a notifier is told. */
export interface EscalationStep {
  readonly name: string;
  /** From 1. */
  readonly tier: number;
  /** How long nobody acknowledged. */
  readonly afterMilliseconds: number;
}

/** What is told. */
export interface Telling {
  readonly action: NotificationAction;
  readonly occasion: Occasion;
  readonly kind: TellingKind;
  /** Of the incident: the deduplication key, stable over restarts and equal on every replica. */
  readonly key: string;
  /** The incident's face: its gravest and newest alert, for a resolve the last one that ended; or a summary of all. */
  readonly alert: Alert;
  /** The gravest first, the face among them; empty where the face is all there is. */
  readonly members: readonly MemberLine[];
  /** All members, listed or not; with a resolve, the most there were. */
  readonly memberCount: number;
  readonly escalation: EscalationStep | null;
  readonly acknowledgement: Acknowledgement | null;
  /** From when delivery is timed; 0 where it isn't. */
  readonly eventAtMilliseconds: number;
}

export interface Notification extends Telling {
  /** Rises with every commit; orders the notifications of one incident. */
  readonly sequence: number;
  readonly committedAtMilliseconds: number;
  /** What the receiver called the notification that opened this incident; empty when it didn't, or nothing is open there. */
  readonly reference: string;
}

/** An alert that is told on its own. */
export function tellingOf(alert: Alert): Telling {
  const over = alert.state === "resolved";
  return {
    action: over ? "resolve" : "trigger",
    occasion: "fired",
    kind: "alerts",
    key: alert.fingerprint,
    alert,
    members: [],
    memberCount: 1,
    escalation: null,
    acknowledgement: null,
    eventAtMilliseconds: over ? alert.resolvedAtMilliseconds : alert.firedAtMilliseconds,
  };
}

interface StoredTelling {
  readonly telling: Telling;
  /** Null where it was written before it was within the checksum. */
  readonly committedAtMilliseconds: number | null;
}

export function encodeTelling(
  { alert, ...rest }: Telling,
  committedAtMilliseconds: number,
): string {
  return sealText(
    `{"alert":${encodeAlert(alert)},"telling":${JSON.stringify(rest)},"committed":${committedAtMilliseconds}}`,
  );
}

/** Reads what earlier versions wrote, too: rows once held an alert and nothing else, and had no checksum of the whole. */
export function decodeTelling(stored: string): StoredTelling {
  try {
    const body = unsealText(stored);
    if (body === null) throw new Error("it was damaged on disk");
    const parsed: { telling?: Omit<Telling, "alert">; alert?: unknown; committed?: number } =
      JSON.parse(body);
    if (parsed.telling === undefined)
      return { telling: tellingOf(decodeAlert(body)), committedAtMilliseconds: null };
    const telling = { ...parsed.telling, alert: decodeAlert(JSON.stringify(parsed.alert)) };
    return { telling, committedAtMilliseconds: parsed.committed ?? null };
  } catch (cause) {
    if (cause instanceof WarpwatchError) throw cause;
    throw new WarpwatchError("STATE_UNUSABLE", "a stored notification can't be read", { cause });
  }
}
