import { expect, test } from "vitest";
import type { Alert } from "../../../../collector/state/alert.ts";
import { gpuAlert, inShort, pager, startScene } from "../../../kit/incident-scene.ts";
import { destination } from "../../../kit/planning.ts";

function nodes(from: number, to: number): Alert[] {
  return Array.from({ length: to - from }, (_, index) => index + from).flatMap((node) =>
    Array.from({ length: 8 }, (__, gpu) => gpuAlert(gpu, `node-${String(node).padStart(3, "0")}`)),
  );
}

test("a thousand GPUs on 125 nodes are 125 incidents and one summary, which closes when few are left", async () => {
  const { fire, end, pass, told, planner } = startScene([pager]);
  for (let node = 0; node < 125; node += 25) {
    fire(...nodes(node, node + 25));
    await pass(1);
  }
  const first = told();
  const storms = first.filter(({ alert }) => alert.rule === "AlertStorm");
  expect([first.length, storms.length]).toEqual([126, 1]);
  expect(new Set(first.map(({ key }) => key)).size).toBe(126);
  await pass(11);
  const [update, ...others] = told();
  expect(others).toEqual([]);
  expect(update?.alert.annotations["summary"]).toBe(
    "1,000 alerts on 125 nodes since 2026-11-18 11:07:10 UTC",
  );
  expect([update?.action, update?.key]).toEqual(["update", storms[0]?.key]);
  await pass(180);
  expect(inShort(told())).toEqual(Array(125).fill("update changed 8"));
  end(...nodes(0, 104));
  await pass(11);
  expect(told().filter(({ alert }) => alert.rule === "AlertStorm")).toEqual([]);
  end(...nodes(104, 105));
  await pass(11);
  const closed = told().filter(({ alert }) => alert.rule === "AlertStorm");
  expect(closed.map(({ action, alert }) => [action, alert.state])).toEqual([
    ["resolve", "resolved"],
  ]);
  expect(planner.incidents()).toHaveLength(20);
}, 60_000);

test("as many incidents as the bound within a minute, or more over a longer time, are no storm", async () => {
  const { fire, pass, told } = startScene([pager]);
  fire(...nodes(0, 20));
  await pass(61);
  fire(...nodes(20, 40));
  expect(told().filter(({ alert }) => alert.rule === "AlertStorm")).toEqual([]);
});

test("a receiver that takes every alert by itself gets no summary", () => {
  const { fire, told } = startScene([destination("hook", { storm: 20 })]);
  fire(...nodes(0, 10));
  expect(told()).toHaveLength(80);
});

test("a storm can be acknowledged, and is told so", () => {
  const { fire, told, planner } = startScene([pager]);
  fire(...nodes(0, 30));
  const storm = told().find(({ alert }) => alert.rule === "AlertStorm");
  const taken = planner.acknowledge(storm?.key ?? "", "ada", "the cooling");
  expect(taken?.map(({ kind, acknowledged }) => [kind, acknowledged?.by])).toEqual([
    ["storm", "ada"],
  ]);
  expect(told().map(({ action, alert }) => [action, alert.rule])).toEqual([
    ["acknowledge", "AlertStorm"],
  ]);
});
