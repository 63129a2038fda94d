import { expect, test } from "vitest";
import { makeFolder } from "../../../kit/folder.ts";
import { chat, gpuAlert, inShort, pager, startScene } from "../../../kit/incident-scene.ts";
import { destination, keyOf } from "../../../kit/planning.ts";

test("eight GPUs of a node are one incident: told at once, brought up to date once, closed with the last", async () => {
  const { fire, end, pass, told } = startScene([pager]);
  fire(gpuAlert(0));
  const [first] = told();
  expect([first?.action, first?.members, first?.memberCount]).toEqual(["trigger", [], 1]);
  for (let gpu = 1; gpu < 8; gpu += 1) {
    fire(gpuAlert(gpu));
    await pass(1);
  }
  expect(told()).toEqual([]);
  await pass(25);
  const [update, ...others] = told();
  expect(others).toEqual([]);
  expect([update?.action, update?.key, update?.memberCount]).toEqual(["update", first?.key, 8]);
  expect(update?.members.map(({ summary }) => summary)).toContain("GPU 7 on node-07 is lost");
  end(...Array.from({ length: 7 }, (_, gpu) => gpuAlert(gpu)));
  expect(told()).toEqual([]);
  end(gpuAlert(7));
  const [close] = told();
  expect([close?.action, close?.key, close?.memberCount]).toEqual(["resolve", first?.key, 8]);
  expect(close?.alert.labels["gpu"]).toBe("7");
});

test("another node and another rule are other incidents, and the key follows from the labels alone", () => {
  const { fire, told } = startScene([pager, chat()]);
  fire(gpuAlert(0), gpuAlert(0, "node-08"));
  const keys = told("pager").map(({ key }) => key);
  expect(keys).toEqual([keyOf(gpuAlert(5)), keyOf(gpuAlert(1, "node-08"))]);
  expect(told("chat").map(({ key }) => key)).toEqual(keys);
});

test("what isn't critical waits five seconds for others, and is told of only if it lasts", async () => {
  const { fire, end, pass, told } = startScene([pager]);
  fire(gpuAlert(0, "node-07", "warning"));
  fire(gpuAlert(0, "node-08", "warning"));
  await pass(3);
  fire(gpuAlert(1, "node-07", "warning"));
  end(gpuAlert(0, "node-08", "warning"));
  expect(told()).toEqual([]);
  await pass(2);
  expect(inShort(told())).toEqual(["trigger fired 2"]);
  await pass(60);
  expect(told()).toEqual([]);
});

test("a critical alert doesn't wait with the warnings of its group", async () => {
  const { fire, pass, told } = startScene([
    destination("pager", { ...pager.policy, groupBy: ["node"] }),
  ]);
  fire(gpuAlert(0, "node-07", "warning"));
  await pass(1);
  fire(gpuAlert(1));
  const [notification] = told();
  expect(notification?.alert.labels["severity"]).toBe("critical");
  expect(notification?.members.map(({ severity }) => severity)).toEqual(["critical", "warning"]);
});

test("a critical alert that joins an open incident of warnings calls people at once", async () => {
  const { fire, pass, told } = startScene([
    destination("pager", { ...pager.policy, groupBy: ["node"] }),
  ]);
  fire(gpuAlert(0, "node-07", "warning"));
  await pass(6);
  told();
  fire(gpuAlert(1));
  fire(gpuAlert(2));
  expect(inShort(told())).toEqual(["trigger worsened 2"]);
});

test("a receiver that groups by itself gets each alert under its fingerprint", () => {
  const { fire, end, told } = startScene([destination("hook")]);
  fire(gpuAlert(0), gpuAlert(1));
  end(gpuAlert(0));
  expect(told().map(({ action, key }) => [action, key])).toEqual([
    ["trigger", gpuAlert(0).fingerprint],
    ["trigger", gpuAlert(1).fingerprint],
    ["resolve", gpuAlert(0).fingerprint],
  ]);
});

test("the outbox holds only the newest update of an incident, and none behind its resolve", async () => {
  const { fire, end, pass, state } = startScene([pager]);
  const waiting = (): string[] =>
    state.outbox
      .after("pager", 0)
      .map(
        ({ sequence }) =>
          inShort([state.outbox.read(sequence)].flatMap((one) => one ?? []))[0] ?? "",
      );
  fire(gpuAlert(0));
  fire(gpuAlert(1));
  await pass(31);
  fire(gpuAlert(2));
  await pass(31);
  expect(waiting()).toEqual(["trigger fired 1", "update changed 3"]);
  end(gpuAlert(0), gpuAlert(1), gpuAlert(2));
  expect(waiting()).toEqual(["trigger fired 1", "resolve fired 3"]);
});

test("lists 25 alerts and says how many there are", async () => {
  const { fire, pass, told } = startScene([pager]);
  fire(...Array.from({ length: 40 }, (_, gpu) => gpuAlert(gpu)));
  await pass(31);
  const update = told().at(-1);
  expect([update?.members.length, update?.memberCount]).toEqual([25, 40]);
});

test("goes on after a restart where it was: members, waits and keys", async () => {
  const folder = makeFolder();
  const before = startScene([pager], { folder });
  before.fire(gpuAlert(0));
  before.fire(gpuAlert(0, "node-08", "warning"));
  before.close();
  const after = startScene([pager], { folder, clock: before.clock });
  after.told();
  await after.pass(6);
  expect(inShort(after.told())).toEqual(["trigger fired 1"]);
  after.fire(gpuAlert(1));
  after.end(gpuAlert(0));
  after.end(gpuAlert(1));
  expect(after.told().map(({ action, key }) => [action, key])).toEqual([
    ["resolve", keyOf(gpuAlert(0))],
  ]);
});

test("an incident of a notifier that was taken out is forgotten", () => {
  const folder = makeFolder();
  const before = startScene([pager], { folder });
  before.fire(gpuAlert(0));
  before.close();
  const { planner } = startScene([chat()], { folder, clock: before.clock });
  expect(planner.incidents()).toEqual([]);
});
