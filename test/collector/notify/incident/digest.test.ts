import { expect, test } from "vitest";
import type { Alert } from "../../../../collector/state/alert.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { chat, gpuAlert, inShort, pager, startScene } from "../../../kit/incident-scene.ts";
import { destination } from "../../../kit/planning.ts";

const rate = { notifications: 3, perMilliseconds: 60_000 };
const busy = chat({ rate, waitMilliseconds: 0 });

function warnings(count: number, from = 0): Alert[] {
  return Array.from({ length: count }, (_, index) =>
    gpuAlert(0, `node-${from + index}`, "warning"),
  );
}

test("what goes over the rate is told as one digest a minute later, the gravest first", async () => {
  const { fire, pass, told } = startScene([busy]);
  fire(...warnings(3));
  fire(...warnings(37, 100));
  expect(inShort(told())).toEqual(Array(3).fill("trigger fired 1"));
  await pass(59);
  expect(told()).toEqual([]);
  await pass(1);
  const [digest, ...others] = told();
  expect(others).toEqual([]);
  expect(inShort(digest ? [digest] : [])).toEqual(["digest fired 37"]);
  expect(digest?.alert.annotations["summary"]).toBe("37 more alerts in the last minute");
  expect(digest?.members).toHaveLength(20);
});

test("what is critical and every end pass, however much was told", () => {
  const { fire, end, told } = startScene([busy]);
  fire(...warnings(3));
  fire(...Array.from({ length: 5 }, (_, index) => gpuAlert(0, `critical-${index}`)));
  end(...warnings(3));
  expect(told().map(({ action }) => action)).toEqual([
    ...Array<string>(8).fill("trigger"),
    ...Array<string>(3).fill("resolve"),
  ]);
});

test("a digest says what is over already, and ends with the last of its alerts", async () => {
  const folder = makeFolder();
  const before = startScene([busy], { folder });
  before.fire(...warnings(3));
  before.fire(...warnings(3, 100));
  before.end(gpuAlert(0, "node-101", "warning"));
  before.close();
  const { pass, told, end } = startScene([busy], { folder, clock: before.clock });
  told();
  await pass(60);
  const [digest] = told();
  expect(digest?.members.map(({ over }) => over)).toEqual([false, false, true]);
  expect(digest?.members[2]?.node).toBe("node-101");
  end(gpuAlert(0, "node-100", "warning"));
  expect(told()).toEqual([]);
  end(gpuAlert(0, "node-102", "warning"));
  const [close] = told();
  expect([close?.action, close?.key]).toEqual(["resolve", digest?.key]);
});

test("a pager isn't opened for a digest in which everything is over", async () => {
  const { fire, end, pass, told } = startScene([
    destination("pager", { ...pager.policy, rate, waitMilliseconds: 0 }),
  ]);
  fire(...warnings(3));
  fire(...warnings(2, 100));
  end(...warnings(2, 100));
  told();
  await pass(61);
  expect(told()).toEqual([]);
});

test("updates and repetitions wait for room instead of going into a digest", async () => {
  const slow = chat({ rate: { notifications: 1, perMilliseconds: 120_000 } });
  const { fire, pass, told } = startScene([slow]);
  fire(gpuAlert(0));
  fire(gpuAlert(1));
  await pass(115);
  expect(inShort(told())).toEqual(["trigger fired 1"]);
  await pass(30);
  expect(inShort(told())).toEqual(["update changed 2"]);
});

test("a chat gets info once an hour, a program at once", async () => {
  const { fire, end, pass, told } = startScene([chat(), destination("hook")]);
  fire(gpuAlert(0, "node-07", "info"));
  await pass(60);
  fire(gpuAlert(1, "node-07", "info"));
  end(gpuAlert(0, "node-07", "info"));
  expect(inShort(told("hook"))).toEqual(["trigger fired 1", "trigger fired 1", "resolve fired 1"]);
  expect(told("chat")).toEqual([]);
  await pass(3541);
  const [digest] = told("chat");
  expect(digest?.alert.annotations["summary"]).toBe("2 alerts for information in the last hour");
  expect(digest?.members.map(({ over }) => over)).toEqual([false, true]);
  end(gpuAlert(1, "node-07", "info"));
  await pass(3600);
  expect(told("chat")).toEqual([]);
}, 60_000);
