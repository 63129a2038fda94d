import { expect, test } from "vitest";
import type { Mute } from "../../../../collector/notify/mute/mute.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { chat, gpuAlert, inShort, pager, startScene } from "../../../kit/incident-scene.ts";

const silence: Mute = { kind: "silence", id: "1" };

test("nobody is told of a muted alert; when the mute ends and it still fires, they are", async () => {
  let muted = true;
  const mutes = { find: () => (muted ? silence : null) };
  const { fire, end, pass, told, planner } = startScene([pager], { mutes });
  fire(gpuAlert(0), gpuAlert(0, "node-08"));
  await pass(10);
  expect(told()).toEqual([]);
  expect(planner.isHeld("pager", gpuAlert(0))).toBe(true);
  end(gpuAlert(0, "node-08"));
  muted = false;
  await pass(1);
  expect(told().map(({ action, alert }) => [action, alert.labels["node"]])).toEqual([
    ["trigger", "node-07"],
  ]);
  expect(planner.isHeld("pager", gpuAlert(0))).toBe(false);
});

test("a mute outlives a restart, and what was told may always resolve", async () => {
  const folder = makeFolder();
  const before = startScene([pager], {
    folder,
    mutes: { find: ({ labels }) => (labels["node"] === "node-08" ? silence : null) },
  });
  before.fire(gpuAlert(0), gpuAlert(0, "node-08"));
  before.close();
  const after = startScene([pager], {
    folder,
    clock: before.clock,
    mutes: { find: () => silence },
  });
  after.told();
  await after.pass(2);
  after.end(gpuAlert(0));
  after.end(gpuAlert(0, "node-08"));
  expect(inShort(after.told())).toEqual(["resolve fired 1"]);
});

test("what is muted while it waits isn't told, nor is anything repeated, until the mute ends", async () => {
  let muted = false;
  const mutes = { find: () => (muted ? silence : null) };
  const { fire, pass, told } = startScene([chat({ repeatMilliseconds: 60_000 })], { mutes });
  fire(gpuAlert(0));
  fire(gpuAlert(0, "node-08", "warning"));
  muted = true;
  await pass(90);
  expect(inShort(told())).toEqual(["trigger fired 1"]);
  muted = false;
  await pass(10);
  expect(inShort(told()).toSorted()).toEqual(["trigger fired 1", "trigger repeated 1"]);
});

test("a digest waits while all that it holds is muted", async () => {
  let muted = false;
  const mutes = { find: () => (muted ? silence : null) };
  const { fire, pass, told } = startScene([chat()], { mutes });
  fire(gpuAlert(0, "node-07", "info"));
  muted = true;
  await pass(3700);
  expect(told()).toEqual([]);
  muted = false;
  await pass(10);
  expect(inShort(told())).toEqual(["digest fired 1"]);
}, 30_000);
