import { expect, test } from "vitest";
import { createServedSeries } from "../../../../agent/sources/gpu/served-series.ts";
import { absent, type Source, type SourceContext } from "../../../../agent/sources/source.ts";
import { openMetric } from "../../../../core/catalog/metric.ts";
import { createSeriesList } from "../../../../core/wire/slots.ts";

const heat = openMetric("heat", "gauge", "", ["UUID", "GPU_I_ID"]);
const load = openMetric("load", "gauge", "", ["cpu"]);
const nowhere = {} as SourceContext;

function sourceOf(uuids: () => string[]): Source {
  return {
    name: "one",
    sampling: "fast",
    metrics: [],
    open: () => ({
      register(slots) {
        for (const UUID of uuids()) slots.slot(heat, { UUID, GPU_I_ID: "" });
        slots.slot(heat, { UUID: "a", GPU_I_ID: "7" });
        slots.slot(load, { cpu: "0" });
      },
      read: () => undefined,
      close: () => undefined,
    }),
  };
}

test("knows what a source registered, GPU by GPU and instance by instance, until it is closed", async () => {
  let uuids = ["a"];
  const served = createServedSeries();
  const reader = await served
    .follow(sourceOf(() => uuids))
    .open(nowhere, AbortSignal.timeout(1000));
  if ("absent" in reader) throw new Error(reader.absent);
  expect([served.has("heat", "a", ""), served.revision]).toEqual([false, 0]);
  const list = createSeriesList(10);
  reader.register(list);
  expect(list.series).toHaveLength(3);
  expect([
    served.has("heat", "a", ""),
    served.has("heat", "a", "7"),
    served.has("heat", "b", ""),
  ]).toEqual([true, true, false]);
  expect(served.revision).toBe(1);
  reader.register(createSeriesList(10));
  expect(served.revision).toBe(1);
  uuids = ["b"];
  reader.register(createSeriesList(10));
  expect([served.has("heat", "a", ""), served.has("heat", "b", ""), served.revision]).toEqual([
    false,
    true,
    2,
  ]);
  reader.close();
  expect([served.has("heat", "b", ""), served.revision]).toEqual([false, 3]);
});

test("leaves a source that is absent as it is", async () => {
  const served = createServedSeries();
  const none: Source = { ...sourceOf(() => []), open: () => absent("there is none") };
  expect(await served.follow(none).open(nowhere, AbortSignal.timeout(1000))).toEqual({
    absent: "there is none",
  });
});
