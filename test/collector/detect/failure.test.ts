import { describe, expect, it } from "vitest";
import {
  effectiveExposureDays,
  failureProbability,
  fitPrior,
  predictFailure,
  priorOf,
  publishedPrior,
} from "../../../collector/detect/failure.ts";

const day = 86_400_000;

describe("the failure probability", () => {
  it("is the published base rate for a GPU of which nothing is known", () => {
    const { within7Days, within30Days } = predictFailure(publishedPrior, [], 0, 0);
    const ratePerDay = (419 * 0.587) / (54 * 16_384);
    expect(within7Days).toBeCloseTo(ratePerDay * 7, 4);
    expect(within30Days).toBeCloseTo(ratePerDay * 30, 3);
  });

  it("rises with fatal XIDs, less with application ones, and falls back as they age", () => {
    const at = (kind: "xid_fatal" | "xid_application", ageDays: number): number =>
      predictFailure(publishedPrior, [{ kind, timeMilliseconds: -ageDays * day }], 90, 0)
        .within30Days;
    const none = predictFailure(publishedPrior, [], 90, 0).within30Days;
    expect(at("xid_fatal", 0)).toBeGreaterThan(5 * none);
    expect(at("xid_application", 0)).toBeGreaterThan(none);
    expect(at("xid_application", 0)).toBeLessThan(at("xid_fatal", 0) / 5);
    expect(at("xid_fatal", 56)).toBeLessThan(at("xid_fatal", 0) / 2);
  });

  it("names its reasons, heaviest first, and the action that follows", () => {
    const found = predictFailure(
      priorOf(0.002, 0.3),
      [
        { kind: "xid_application", timeMilliseconds: 0 },
        { kind: "xid_fatal", timeMilliseconds: 0 },
        { kind: "xid_fatal", timeMilliseconds: -day },
        { kind: "xid_fatal", timeMilliseconds: -2 * day },
      ],
      60,
      0,
    );
    expect(found.reasons).toEqual(["3 × xid_fatal", "1 × xid_application"]);
    expect(found.action).toBe("drain");
    const spent = predictFailure(
      publishedPrior,
      [{ kind: "row_remap_failure", timeMilliseconds: 0 }],
      60,
      0,
    );
    expect(spent.action).toBe("replace");
  });

  it("takes no notice of what lies ahead of the moment it judges", () => {
    const later = [{ kind: "failure", timeMilliseconds: 1 } as const];
    expect(predictFailure(publishedPrior, later, 10, 0)).toEqual(
      predictFailure(publishedPrior, [], 10, 0),
    );
  });

  it("agrees with the closed form of the gamma-Poisson mixture when the device is like the fleet", () => {
    const prior = priorOf(0.01, 2);
    expect(failureProbability(prior, 0, 0, 10)).toBeCloseTo(1 - (200 / 210) ** 2, 10);
  });

  it("learns a fleet's own rate and spread, and leans on the published ones while the fleet is young", () => {
    const exposure = effectiveExposureDays(200);
    const uneven = fitPrior([...Array.from({ length: 95 }, () => 0), 6, 7, 5, 8, 4], exposure);
    const even = fitPrior(
      Array.from({ length: 100 }, (_, index) => (index % 3 === 0 ? 1 : 0)),
      exposure,
    );
    expect(uneven.shape).toBeLessThan(0.2);
    expect(even.shape).toBeGreaterThan(0.5);
    const young = fitPrior([0, 0, 0], effectiveExposureDays(1));
    expect(young.shape / young.rateDays).toBeGreaterThan(
      0.9 * (publishedPrior.shape / publishedPrior.rateDays),
    );
  });
});
