/** Events and daily features over HTTP: what may be asked, how much at once, and how each refusal reads. */
import { expect, test } from "vitest";
import { createHistoryRoutes } from "../../../collector/api/history-routes.ts";
import { createRecentEvents } from "../../../collector/api/events.ts";
import { parseEventQuery, parseFeatureQuery } from "../../../collector/history/years-request.ts";
import type { ApiRequest } from "../../../collector/api/routes.ts";
import { gpu } from "../../../core/catalog/index.ts";
import { createSelfMetrics } from "../../../core/kit/self-metrics.ts";
import type { WarpwatchEvent } from "../../../core/wire/event.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import {
  dayMilliseconds,
  frameAt,
  openHistory,
  originOf,
  startMilliseconds as start,
} from "./kit.ts";

const event: WarpwatchEvent = {
  node: "node-1",
  boot: "boot-1",
  sequence: 1,
  timeMilliseconds: start + 1000.25,
  kind: "xid",
  device: "GPU-a",
  text: "Xid 79",
  fields: { xid: "79" },
};

async function withHistory(
  use: (
    get: (path: string, query: string) => Promise<{ status: number; body: unknown }>,
  ) => Promise<void>,
) {
  const clock = createFakeClock(start);
  const history = openHistory(makeFolder(), { clock });
  const events = createRecentEvents(history.metrics);
  const routes = createHistoryRoutes({ clock, events, history });
  for (const one of [event, { ...event, sequence: 2, device: "", kind: "hung_task" as const }]) {
    history.events.add([one]);
    events.accept(one);
  }
  const temperature = {
    metric: gpu.temperature,
    values: gpu.temperature.labels.map((name) => (name === "UUID" ? "GPU-a" : "")),
    device: null,
  };
  const groups = [{ source: "test", first: 0, length: 1 }];
  const schema = { origin: originOf("node-1"), version: 1, groups, series: [temperature] };
  void history.append(frameAt(schema, 1, start, [61]));
  await history.compact({ all: true });
  await clock.advance(dayMilliseconds + 2 * 3_600_000);
  await history.makeFeatures();
  await use(async (path, query) => {
    const route = routes.find((one) => one.path === `/api/v1/${path}`);
    if (!route) throw new Error(`there is no ${path}`);
    return route.handle(requestOf(query));
  });
  await history.close();
}

test("events are answered page by page, features with their labels as an object", async () => {
  await withHistory(async (get) => {
    const first = await get("events", "from=2026-01-10&limit=1");
    expect(first).toMatchObject({ status: 200, body: { events: [{ sequence: 2 }] } });
    const { next } = first.body as { next: string };
    const second = await get("events", `from=2026-01-10&limit=1&next=${next}`);
    expect(second).toEqual({ status: 200, body: { events: [event], next: null } });
    const named = await get("events", "from=2026-01-10&to=2026-01-11&kind=xid&device=GPU-a");
    expect(named.body).toEqual({ events: [event], next: null });
    // Without a range it is what happened lately.
    expect((await get("events", "node=node-1")).body).toMatchObject({ events: [{}, {}] });

    const features = await get("features", "device=GPU-a&from=2026-01-10&to=2026-01-10&limit=1");
    expect(features).toMatchObject({
      status: 200,
      body: { features: [{ metric: gpu.temperature.name, labels: { UUID: "GPU-a" }, last: 61 }] },
    });
    const rest = await get("features", "device=GPU-a&from=2026-01-10&to=2026-01-10&next=1");
    expect(rest.body).toMatchObject({
      features: [{ metric: "event:xid", samples: 1 }],
      next: null,
    });
  });
});

test.each([
  ["events", "kind=fire", "kind must be one of xid, sxid"],
  ["events", "from=2026-01-11&to=2026-01-10", "to is before from"],
  ["events", "from=soon", "from must be Unix seconds, a date or a time like 2026-01-31T12:00:00Z"],
  ["events", "limit=10001", "limit must be 1 to 10000"],
  ["events", "limit=0", "limit must be 1 to 10000"],
  ["events", "limit=1&next=x", "next must be what the page before gave"],
  ["events", "limit=1&metric=x", '"metric" is not a parameter'],
  ["features", "limit=20001", "limit must be 1 to 20000"],
  ["features", "kind=gpu", '"kind" is not a parameter'],
  ["features", "device=a&device=b", "device is there twice"],
  ["features", `metric=${"x".repeat(1025)}`, "metric is too long"],
  ["features", "next=-1", "next must be what the page before gave"],
])("%s?%s is refused with one sentence", (path, query, sentence) => {
  const parse = path === "events" ? parseEventQuery : parseFeatureQuery;
  expect(() => parse(new URLSearchParams(query), start)).toThrow(sentence);
});

test("without history what happened lately is still told, and the rest is refused", async () => {
  const clock = createFakeClock(start);
  const events = createRecentEvents(createSelfMetrics({ clock, processMetrics: false }));
  events.accept(event);
  const routes = createHistoryRoutes({ clock, events, history: null });
  const statuses = await Promise.all(
    ["events?", "events?limit=1", "features?", "query?metric=x"].map(async (address) => {
      const [path = "", query = ""] = address.split("?");
      const route = routes.find((one) => one.path === `/api/v1/${path}`);
      return (await route?.handle(requestOf(query)))?.status;
    }),
  );
  expect(statuses).toEqual([200, 503, 503, 503]);
});

function requestOf(query: string): ApiRequest {
  const address = { path: "", remoteAddress: "127.0.0.1" };
  return { ...address, query: new URLSearchParams(query), headers: {}, body: undefined };
}
