/** What a process's own metrics must do, whoever keeps them: the contract in core/kit/self-metrics.ts as tests. */
import { describe, expect, test } from "vitest";
import { self } from "../../core/catalog/index.ts";
import { createSystemClock } from "../../core/kit/clock.ts";
import type { SelfMetrics, SelfMetricsOptions } from "../../core/kit/self-metrics.ts";
import { createFakeClock } from "../kit/fake-clock.ts";

export interface SelfMetricsSubject {
  create(options: SelfMetricsOptions): SelfMetrics;
  /** Names of what it says of its process. */
  readonly processMetrics: readonly string[];
}

export function describeSelfMetrics(name: string, subject: SelfMetricsSubject): void {
  const makeMetrics = (clock = createFakeClock()): SelfMetrics =>
    subject.create({ clock, processMetrics: false });

  describe(name, () => {
    test("a counter without labels shows zero before its first use", async () => {
      const metrics = makeMetrics();
      metrics.counter(self.httpDroppedConnections);
      expect(await metrics.render("text")).toContain(
        "\nwarpwatch_http_dropped_connections_total 0\n",
      );
    });

    test("OpenMetrics names a counter's family without its suffix, text with it", async () => {
      const metrics = makeMetrics();
      metrics.counter(self.httpRequests).increase({ route: "/", method: "GET", code: "200" }, 3);
      const sample = 'warpwatch_http_requests_total{route="/",method="GET",code="200"} 3\n';
      const text = await metrics.render("text");
      const openMetrics = await metrics.render("openmetrics");
      expect(text).toContain(`# TYPE warpwatch_http_requests_total counter\n${sample}`);
      expect(openMetrics).toContain(`# TYPE warpwatch_http_requests counter\n${sample}`);
    });

    test("a histogram has its catalogue's buckets, a sum and a count", async () => {
      const metrics = makeMetrics();
      metrics.histogram(self.httpRequestDuration).observe({ route: "/" }, 0.03);
      const text = await metrics.render("openmetrics");
      expect(text).toMatch(bucket("0.025", 0));
      expect(text).toMatch(bucket("0.05", 1));
      expect(text).toMatch(bucket("1.0", 1));
      expect(text).toMatch(bucket("+Inf", 1));
      expect(text).toContain('_sum{route="/"} 0.03\n');
      expect(text).toContain('_count{route="/"} 1\n');
      expect(text.match(/_bucket/g)?.length).toBe(self.httpRequestDuration.buckets.length + 1);
    });

    test("a gauge that reads is asked again once a second has passed", async () => {
      const clock = createFakeClock();
      const metrics = makeMetrics(clock);
      let age = 1;
      metrics.gauge(self.agentFrameAge, () => age);
      expect(await metrics.render("text")).toContain("warpwatch_agent_frame_age_seconds 1\n");
      age = 2;
      await clock.advance(900);
      expect(await metrics.render("text")).toContain("warpwatch_agent_frame_age_seconds 1\n");
      await clock.advance(200);
      expect(await metrics.render("openmetrics")).toContain(
        "warpwatch_agent_frame_age_seconds 2\n",
      );
    });

    test("a value that isn't a number is left out, and a family without values with it", async () => {
      const metrics = makeMetrics();
      metrics.gauge(self.agentFrameAge, () => Number.NaN);
      expect(await metrics.render("text")).toBe("");
    });

    test("labels are escaped", async () => {
      const metrics = makeMetrics();
      metrics
        .counter(self.httpRequests)
        .increase({ route: 'a"b\\c\nd', method: "GET", code: "200" });
      expect(await metrics.render("text")).toContain('{route="a\\"b\\\\c\\nd",');
    });

    test("label combinations past the bound aren't taken in", async () => {
      const metrics = makeMetrics();
      const counter = metrics.counter(self.httpRequests);
      for (let route = 0; route < 1500; route += 1)
        counter.increase({ route: String(route), method: "GET", code: "200" });
      const text = await metrics.render("text");
      expect(text.match(/^warpwatch_http_requests_total\{/gm)?.length).toBe(1000);
    });

    test("what the process costs is there, each family once", async () => {
      const metrics = subject.create({ clock: createSystemClock() });
      for (const format of ["text", "openmetrics"] as const) {
        const page = await metrics.render(format);
        for (const name of subject.processMetrics)
          expect(page).toMatch(new RegExp(`^${name} [0-9.e+-]+$`, "m"));
        const families = [...page.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
        expect(new Set(families).size).toBe(families.length);
        expect(page).not.toMatch(/_total gauge/);
        expect(page).not.toContain("# EOF");
      }
    });
  });
}

/** A bucket of the route `/`, whichever label comes first. */
function bucket(le: string, count: number): RegExp {
  const bound = `le="${le.replace(/[.+]/g, "\\$&")}"`;
  return new RegExp(`_bucket\\{(?:route="/",${bound}|${bound},route="/")\\} ${count}\\n`);
}
