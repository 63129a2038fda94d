/** Rows of incidents and silences that were damaged on disk, and such as earlier releases wrote. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { createSilenceStore, type Silence } from "../../../collector/state/silences.ts";
import { openDatabase, type Database } from "../../../collector/state/database.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { chat, gpuAlert, inShort, pager, startScene } from "../../kit/incident-scene.ts";

const clock = createFakeClock(1_700_000_000_000);

function change(folder: string, sql: string): void {
  const sqlite = new DatabaseSync(join(folder, "state.db"));
  sqlite.exec(sql);
  sqlite.close();
}

/** Three GPUs of a node are told to a chat and a pager, and the state file is closed. */
async function tellAndClose(): Promise<{ folder: string; key: string }> {
  const folder = makeFolder();
  const scene = startScene([chat(), pager], { folder, clock });
  scene.fire(gpuAlert(1), gpuAlert(2), gpuAlert(3));
  await scene.pass(40);
  expect(scene.told("chat").length).toBeGreaterThan(0);
  const key = scene.planner.incidents()[0]?.key ?? "";
  for (const notifier of ["chat", "pager"])
    for (const { sequence } of scene.state.outbox.after(notifier, 0))
      await scene.state.outbox.settle(sequence);
  scene.close();
  return { folder, key };
}

test.each([
  ["its body", "body = replace(body, '\"most\":3', '\"most\":7')"],
  ["the end of its body", "body = substr(body, 1, 50)"],
  ["a column", "state = 'opeo'"],
])(
  "an incident with %s damaged is told anew under its key, once, and its end is told",
  async (_, sql) => {
    const { folder, key } = await tellAndClose();
    change(folder, `UPDATE incident SET ${sql} WHERE notifier = 'chat'`);
    const scene = startScene([chat(), pager], { folder, clock });
    expect(scene.planner.incidents().map((incident) => incident.key)).toContain(key);
    await scene.pass(60);
    const told = scene.told("chat");
    expect(inShort(told)).toEqual(["trigger repeated 3"]);
    expect(told[0]?.key).toBe(key);
    expect(scene.told("pager")).toEqual([]);
    expect(scene.state.takeDamage()).toEqual([
      expect.stringContaining(`incident ${key} of chat was damaged on disk`),
    ]);
    scene.end(gpuAlert(1), gpuAlert(2), gpuAlert(3));
    await scene.pass(60);
    expect(
      scene
        .told("chat")
        .map(({ action }) => action)
        .at(-1),
    ).toBe("resolve");
    expect(scene.planner.incidents()).toEqual([]);
  },
);

test("a damaged incident that has no alerts left is gone", async () => {
  const { folder } = await tellAndClose();
  change(folder, "UPDATE incident SET body = 'x' WHERE notifier = 'chat'; DELETE FROM member");
  const scene = startScene([chat(), pager], { folder, clock });
  expect(scene.state.incidents.list(10).map(({ notifier }) => notifier)).toEqual(["pager"]);
});

test("one damaged alert doesn't hold up what is to be told of the others of its incident", async () => {
  const { folder } = await tellAndClose();
  change(folder, `UPDATE alert SET body = 'x' WHERE fingerprint = '${gpuAlert(2).fingerprint}'`);
  const scene = startScene([chat(), pager], { folder, clock });
  scene.end(gpuAlert(3));
  await scene.pass(120);
  expect(scene.told("chat").map(({ action }) => action)).toEqual(["update"]);
});

test("incidents of an earlier release, without a checksum, are read as they are", async () => {
  const { folder } = await tellAndClose();
  const before = startScene([chat(), pager], { folder, clock });
  const known = before.state.incidents.list(10);
  before.close();
  change(
    folder,
    `UPDATE incident SET body = json_remove(substr(body, 1, instr(body, char(10)) - 1),
       '$.notifier', '$.key', '$.kind', '$.state', '$.dueMilliseconds', '$.openedAtMilliseconds')`,
  );
  const scene = startScene([chat(), pager], { folder, clock });
  expect(scene.state.incidents.list(10)).toEqual(known);
  expect(known).toHaveLength(2);
  expect(scene.state.takeDamage()).toEqual([]);
});

function openSilences(folder: string): {
  database: Database;
  store: ReturnType<typeof createSilenceStore>;
} {
  const database = openDatabase(folder);
  onTestFinished(() => {
    if (database.sqlite.isOpen) database.close();
  });
  return { database, store: createSilenceStore(database) };
}

test("a damaged silence is left out and told of, one of an earlier release is read", () => {
  const folder = makeFolder();
  const silences = ["damaged", "older", "sound"].map((id, index): Silence => ({
    id,
    matchers: [{ name: "node", value: "gpu-07", isRegex: false, isEqual: true }],
    startsAtMilliseconds: 1,
    endsAtMilliseconds: 10 + index,
    updatedAtMilliseconds: 1,
    createdBy: "ann",
    comment: "swap",
  }));
  const first = openSilences(folder);
  for (const silence of silences) first.store.save(silence);
  expect(first.store.load()).toEqual(silences);
  first.database.close();
  change(
    folder,
    `UPDATE silence SET body = replace(body, 'gpu-07', 'gpu-17') WHERE id = 'damaged';
     UPDATE silence SET body = substr(body, 1, instr(body, char(10)) - 1) WHERE id = 'older'`,
  );
  const second = openSilences(folder);
  expect(second.store.load()).toEqual(silences.slice(1));
  expect(second.database.takeDamage()).toEqual([
    expect.stringContaining("silence damaged was damaged on disk"),
  ]);
});
