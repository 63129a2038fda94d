/** Log-loss of the failure probability on a fleet of servers, beside base rates that know no server from another. */
import {
  effectiveExposureDays,
  evidenceDays,
  fitPrior,
  predictFailure,
  priorOf,
  publishedPrior,
} from "../../collector/detect/failure.ts";
import type { ServerFault } from "./data-sets.ts";
import { logLoss } from "./score/points.ts";

export interface FailureScores {
  readonly landmarks: number;
  readonly failures: number;
  readonly ours: number;
  /** One probability for all servers: the fleet's failures until then per server and day. */
  readonly causalBase: number;
  /** The share of all outcomes, which nobody could have known. */
  readonly hindsightBase: number;
}

const servers = 400;
const day = 86_400_000;
const gpusPerServer = 8;
const firstLandmark = 60;
const landmarkStep = 7;

export function scoreFailures(
  faults: readonly ServerFault[],
  horizonDays: 7 | 30,
  lastDay: number,
): FailureScores {
  const hardware = faults.filter(({ isHardware }) => isHardware);
  const published = priorOf(
    (gpusPerServer * publishedPrior.shape) / publishedPrior.rateDays,
    publishedPrior.shape,
  );
  const ours: number[] = [];
  const causal: number[] = [];
  const outcomes: boolean[] = [];
  for (let now = firstLandmark; now + horizonDays <= lastDay; now += landmarkStep) {
    const known = hardware.filter((fault) => fault.day <= now);
    const counts = Array.from({ length: servers }, (_, node) =>
      known
        .filter((fault) => fault.node === node)
        .reduce((sum, fault) => sum + Math.exp((fault.day - now) / evidenceDays), 0),
    );
    const prior = fitPrior(counts, effectiveExposureDays(now), published);
    const perDay = known.length / (servers * now);
    for (let node = 0; node < servers; node += 1) {
      const evidence = known
        .filter((fault) => fault.node === node)
        .map((fault) => ({ kind: "failure" as const, timeMilliseconds: fault.day * day }));
      const found = predictFailure(prior, evidence, now, now * day);
      ours.push(horizonDays === 7 ? found.within7Days : found.within30Days);
      causal.push(-Math.expm1(-perDay * horizonDays));
      outcomes.push(
        hardware.some(
          (fault) => fault.node === node && fault.day > now && fault.day <= now + horizonDays,
        ),
      );
    }
  }
  const failures = outcomes.filter(Boolean).length;
  const share = failures / outcomes.length;
  return {
    landmarks: outcomes.length,
    failures,
    ours: logLoss(ours, outcomes),
    causalBase: logLoss(causal, outcomes),
    hindsightBase: logLoss(
      outcomes.map(() => share),
      outcomes,
    ),
  };
}
