import { expect, test } from "vitest";
import { answerQuery } from "../../../collector/history/answer.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { frameAt, levelSchema, openHistory, originOf, startMilliseconds as start } from "./kit.ts";

const seconds = start / 1000;
const clock = createFakeClock(start);

async function ask(query: string): Promise<{ status: number; body: unknown }> {
  const history = openHistory(makeFolder(), { clock });
  const schema = levelSchema(originOf("node-1"), [0, 1]);
  void history.append(frameAt(schema, 1, start - 60_000, [1.5, Number.NaN]));
  void history.append(frameAt(schema, 2, start - 30_000, [2.5, -Infinity]));
  const answer = await answerQuery(history, clock, new URLSearchParams(query));
  await history.close();
  return answer;
}

test("answers a range with a point per step, and what JSON has no number for as a text", async () => {
  const range = `start=${seconds - 90}&end=2026-01-10T00:00:00Z&step=30s`;
  expect(await ask(`metric=test_level&${range}`)).toEqual({
    status: 200,
    body: {
      metric: "test_level",
      series: [
        {
          labels: { gpu: "0", instance: "node-1:1", job: "test" },
          node: "node-1",
          points: [
            [seconds - 60, 1.5],
            [seconds - 30, 2.5],
            [seconds, 2.5],
          ],
        },
        {
          labels: { gpu: "1", instance: "node-1:1", job: "test" },
          node: "node-1",
          points: [
            [seconds - 60, "NaN"],
            [seconds - 30, "-Inf"],
            [seconds, "-Inf"],
          ],
        },
      ],
    },
  });
});

test("answers an instant with the newest sample before it, now where none is given", async () => {
  const points = [[seconds, 2.5]];
  expect(await ask("metric=test_level&label.gpu=0")).toMatchObject({
    status: 200,
    body: { series: [{ points }] },
  });
  expect(await ask(`metric=test_level&time=${seconds + 271}`)).toMatchObject({
    body: { series: [] },
  });
});

test.each([
  ["", "metric must be a metric's name"],
  ["metric=a b", "metric must be a metric's name"],
  ["metric=a&metrik=b", '"metrik" is not a parameter'],
  ["metric=a&metric=b", "metric is there twice"],
  ["metric=a&label.a-b=1", "label.a-b has no label's name"],
  [`metric=a&label.x=${"y".repeat(1025)}`, "label.x is too long"],
  ["metric=a&time=yesterday", "time must be Unix seconds or a time like 2026-01-31T12:00:00Z"],
  ["metric=a&start=1&end=2", "step must be seconds or a duration like 15s, at least 1ms"],
  ["metric=a&start=1&end=2&step=0", "step must be seconds or a duration like 15s, at least 1ms"],
  ["metric=a&start=2&end=1&step=1", "end is before start"],
  ["metric=a&end=1&step=1", "start must be Unix seconds"],
  ["metric=a&start=0&end=11000&step=1", "make 11001 points, and 11000 are the limit"],
  ["metric=a&start=0&end=1&step=1&time=1", "time doesn't go with start, end and step"],
  ["metric=a&start=0&end=1&step=1&aggregate=sum", "aggregate must be one of last, min, max, mean"],
  ["metric=a&aggregate=max", "aggregate goes with start, end and step"],
])("refuses %j with one sentence", async (query, sentence) => {
  const answer = await ask(query);
  expect(answer.status).toBe(400);
  expect(JSON.stringify(answer.body)).toContain(JSON.stringify(sentence).slice(1, -1));
});
