/**
 * Failure probability of a device over days to come: a published base rate as prior, the fleet's own spread as its width,
 * and what was counted on the device as evidence (gamma-Poisson empirical Bayes; Robbins 1956, Casella 1985).
 *
 * Failures of a device are taken as Poisson with a rate of its own, the rates over a fleet as gamma distributed.
 * Counting c weighted failures in e days of exposure moves gamma(a, b) to gamma(a + c, b + e); the probability of at
 * least one failure in h days is 1 − ((b + e) / (b + e + h))^(a + c). Evidence fades with age, since a device's lifetime
 * count says little of its future and its last month much.
 */

export interface GammaPrior {
  readonly shape: number;
  /** In device-days: shape / rateDays is the mean number of failures per device-day. */
  readonly rateDays: number;
}

/**
 * Llama 3 405B pre-training: 419 unexpected interruptions in 54 days on 16,384 GPUs, 58.7 % of them for GPU reasons
 * (Grattafiori et al. 2024, table 5). The shape is wide: few parts make most of the trouble.
 */
export const publishedPrior: GammaPrior = priorOf((419 * 0.587) / (54 * 16_384), 0.1);

/** The prior of a mean rate (failures per device-day) and a shape: 1 is a broad spread, above 10 all devices are alike. */
export function priorOf(failuresPerDay: number, shape: number): GammaPrior {
  return { shape, rateDays: shape / failuresPerDay };
}

/** Evidence of `ageDays` counts as e^(−age/this). */
export const evidenceDays = 28;

/** Exposure of a device watched for some days, faded as its evidence is. */
export function effectiveExposureDays(watchedDays: number): number {
  return evidenceDays * (1 - Math.exp(-watchedDays / evidenceDays));
}

/** What counts as evidence, each in units of one failure: how much of a failure one such event has been worth. */
export const evidenceWeights = {
  failure: 1,
  xid_fatal: 1,
  xid_application: 0.02,
  ecc_uncorrected: 0.5,
  ecc_corrected_burst: 0.1,
  row_remap: 0.3,
  row_remap_failure: 5,
} as const;

export type EvidenceKind = keyof typeof evidenceWeights;
export const evidenceKinds = Object.keys(evidenceWeights) as EvidenceKind[];

export interface Evidence {
  readonly kind: EvidenceKind;
  /** Unix milliseconds. */
  readonly timeMilliseconds: number;
}

export type MaintenanceAction = "none" | "watch" | "drain" | "replace";

export interface FailurePrediction {
  readonly within7Days: number;
  readonly within30Days: number;
  /** Evidence that weighed, heaviest first, as "3 × xid_fatal". */
  readonly reasons: readonly string[];
  readonly action: MaintenanceAction;
}

/**
 * Probability of at least one failure within the horizon.
 * What a device's rate is above or below the fleet's fades over the horizon as fast as its evidence did.
 */
export function failureProbability(
  prior: GammaPrior,
  count: number,
  exposureDays: number,
  horizonDays: number,
): number {
  const shape = prior.shape + count;
  const rateDays = prior.rateDays + exposureDays;
  const own = shape / rateDays;
  const fleet = prior.shape / prior.rateDays;
  const fading = evidenceDays * -Math.expm1(-horizonDays / evidenceDays);
  const expected = fleet * horizonDays + (own - fleet) * fading;
  return -Math.expm1(-shape * Math.log1p(expected / own / rateDays));
}

/** What was counted of one kind: how many times, and their weight by now, faded. */
export interface Tally {
  readonly times: number;
  readonly weight: number;
}

/** Judges one device by its evidence, all of it dated at or before `nowMilliseconds`. */
export function predictFailure(
  prior: GammaPrior,
  evidence: readonly Evidence[],
  watchedDays: number,
  nowMilliseconds: number,
): FailurePrediction {
  const tallies = new Map<EvidenceKind, Tally>();
  for (const { kind, timeMilliseconds } of evidence) {
    const ageDays = (nowMilliseconds - timeMilliseconds) / 86_400_000;
    if (ageDays < 0) continue;
    const { times, weight } = tallies.get(kind) ?? { times: 0, weight: 0 };
    const added = evidenceWeights[kind] * Math.exp(-ageDays / evidenceDays);
    tallies.set(kind, { times: times + 1, weight: weight + added });
  }
  return predictFromTallies(prior, tallies, watchedDays);
}

export function predictFromTallies(
  prior: GammaPrior,
  tallies: ReadonlyMap<EvidenceKind, Tally>,
  watchedDays: number,
): FailurePrediction {
  let count = 0;
  for (const { weight } of tallies.values()) count += weight;
  const exposure = effectiveExposureDays(watchedDays);
  const within7Days = failureProbability(prior, count, exposure, 7);
  const within30Days = failureProbability(prior, count, exposure, 30);
  const reasons = [...tallies]
    .filter(([, { times }]) => times > 0)
    .toSorted((a, b) => b[1].weight - a[1].weight)
    .map(([kind, { times }]) => `${times} × ${kind}`);
  const spent = (tallies.get("row_remap_failure")?.times ?? 0) > 0;
  return { within7Days, within30Days, reasons, action: actionFor(within30Days, spent) };
}

/**
 * The fleet's own prior from faded counts of its devices, by moments, held up by the published one:
 * `confidenceDeviceDays` device-days of the published rate are mixed in, so that a young fleet doesn't conclude from nothing.
 */
export function fitPrior(
  counts: readonly number[],
  exposureDays: number,
  published: GammaPrior = publishedPrior,
  confidenceDeviceDays = 2000,
): GammaPrior {
  const devices = counts.length;
  const publishedRate = published.shape / published.rateDays;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const rate =
    (total + publishedRate * confidenceDeviceDays) /
    (devices * exposureDays + confidenceDeviceDays);
  const mean = total / Math.max(1, devices);
  const variance =
    counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / Math.max(1, devices - 1);
  // Counts faded exponentially are Poisson-like with half the variance; what is over that is spread between devices.
  const spread = variance - mean / 2;
  const shape = spread > 0 && mean > 0 ? mean ** 2 / spread : published.shape;
  return priorOf(rate, Math.min(50, Math.max(0.05, shape)));
}

/** Drain at one in five within 30 days, replace where spare rows are used up: NVIDIA's RMA criterion for row remapping. */
function actionFor(within30Days: number, sparesUsedUp: boolean): MaintenanceAction {
  if (sparesUsedUp) return "replace";
  if (within30Days >= 0.2) return "drain";
  return within30Days >= 0.05 ? "watch" : "none";
}
