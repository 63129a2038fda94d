/** The contract of a doctor's check: it looks at one thing, says how it is, and what to do where it isn't well. */
import type { Env, HostPaths } from "../../core/kit/env.ts";

/** `unknown`: it could not be looked at; that is never the same as well. */
export type Verdict = "ok" | "warn" | "fail" | "unknown";

export interface Outcome {
  readonly verdict: Verdict;
  /** What was found, as one sentence without a full stop. */
  readonly found: string;
  /** What to do about it; empty where there is nothing to do. */
  readonly remedy: string;
}

export interface Patient {
  readonly env: Env;
  readonly paths: HostPaths;
  readonly stateFolder: string;
  readonly agent: Address;
  readonly collector: Address;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Check {
  readonly name: string;
  /** What depends on it. */
  readonly meaning: string;
  run(patient: Patient): Promise<Outcome> | Outcome;
}

export interface Report extends Outcome {
  readonly name: string;
  readonly meaning: string;
}

export const ok = (found: string): Outcome => ({ verdict: "ok", found, remedy: "" });
export const warn = (found: string, remedy: string): Outcome => ({
  verdict: "warn",
  found,
  remedy,
});
export const fail = (found: string, remedy: string): Outcome => ({
  verdict: "fail",
  found,
  remedy,
});
export const unknown = (found: string, remedy = ""): Outcome => ({
  verdict: "unknown",
  found,
  remedy,
});
