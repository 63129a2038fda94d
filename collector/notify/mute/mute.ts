/** The contract of muting: whether people are told of an alert now, or why not. A muted alert lives on; only nobody is told. */
import type { Alert } from "../../state/alert.ts";

export interface Mute {
  readonly kind: "silence" | "maintenance" | "inhibition";
  /** The silence's id, the window's name, or the fingerprint of the alert that explains this one. */
  readonly id: string;
}

export interface Mutes {
  /** Why people aren't told of this alert at that time; null when they are. Called for every alert that waits, once a second. */
  find(alert: Alert, timeMilliseconds: number): Mute | null;
}
