/** The agent's own metrics: from catalogue entries, in both formats, no older than a second. */
import { expect, test } from "vitest";
import { self } from "../../core/catalog/index.ts";
import { createSystemClock } from "../../core/kit/clock.ts";
import { createOwnMetrics } from "../../agent/own-metrics.ts";
import { createFakeClock } from "../kit/fake-clock.ts";

function makeMetrics(clock = createFakeClock()): ReturnType<typeof createOwnMetrics> {
  return createOwnMetrics({ clock, processMetrics: false });
}

test("a counter without labels shows zero before its first use", async () => {
  const metrics = makeMetrics();
  metrics.counter(self.httpDroppedConnections);
  expect(await metrics.render("text")).toContain("\nwarpwatch_http_dropped_connections_total 0\n");
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
  expect(text).toContain('_bucket{route="/",le="0.025"} 0\n');
  expect(text).toContain('_bucket{route="/",le="0.05"} 1\n');
  expect(text).toContain('_bucket{route="/",le="1.0"} 1\n');
  expect(text).toContain('_bucket{route="/",le="+Inf"} 1\n');
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
  expect(await metrics.render("openmetrics")).toContain("warpwatch_agent_frame_age_seconds 2\n");
});

test("a value that isn't a number is left out, and a family without values with it", async () => {
  const metrics = makeMetrics();
  metrics.gauge(self.agentFrameAge, () => Number.NaN);
  expect(await metrics.render("text")).toBe("");
});

test("labels are escaped", async () => {
  const metrics = makeMetrics();
  metrics.counter(self.httpRequests).increase({ route: 'a"b\\c\nd', method: "GET", code: "200" });
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

test("the process's memory, time and descriptors are there, each family once", async () => {
  const metrics = createOwnMetrics({ clock: createSystemClock() });
  for (const format of ["text", "openmetrics"] as const) {
    const page = await metrics.render(format);
    for (const name of [
      "process_resident_memory_bytes",
      "process_cpu_seconds_total",
      "process_open_fds",
      "process_max_fds",
      "process_start_time_seconds",
      "nodejs_heap_size_used_bytes",
    ])
      expect(page).toMatch(new RegExp(`^${name} [0-9.e+-]+$`, "m"));
    const families = [...page.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    expect(new Set(families).size).toBe(families.length);
    expect(page).not.toMatch(/_total gauge/);
    expect(page).not.toContain("# EOF");
  }
});
