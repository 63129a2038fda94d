import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import type { AuditEntry, AuditQuery } from "../../../collector/state/audit.ts";
import {
  createAuditLog,
  type AuditLogOptions,
  type EmbeddedAuditLog,
} from "../../../collector/state/audit-log.ts";
import { openDatabase, type Database } from "../../../collector/state/database.ts";
import { copyToDisk, copyToMemory } from "../../../collector/state/memory-copy.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";

const day = 24 * 3_600_000;
const everything: AuditQuery = { sinceMilliseconds: 0, kind: "", before: 0, limit: 1000 };

interface Opened {
  readonly database: Database;
  readonly audit: EmbeddedAuditLog;
}

function open(folder: string, options: Partial<AuditLogOptions> = {}): Opened {
  const database = openDatabase(folder);
  onTestFinished(() => {
    if (database.sqlite.isOpen) database.close();
  });
  return { database, audit: createAuditLog(database, { clock: createFakeClock(), ...options }) };
}

function fired(subject: string): AuditEntry {
  return {
    kind: "alert",
    actor: "collector",
    subject,
    details: { state: "firing", rule: "GpuHot" },
  };
}

/** A log of ten entries in a closed file, changed by whoever has the file. */
async function tampered(sql: string): Promise<string> {
  const folder = makeFolder();
  const { database, audit } = open(folder);
  for (let index = 1; index <= 10; index += 1) audit.record(fired(`alert ${index}`));
  database.close();
  const file = new DatabaseSync(join(folder, "state.db"));
  file.exec(sql);
  file.close();
  const { ok, complaint } = await open(folder).audit.verify();
  expect(ok).toBe(complaint === "");
  return complaint;
}

describe("the audit log", () => {
  test("keeps who did what to what, newest first, each hash over the one before", async () => {
    const clock = createFakeClock(1_700_000_000_000.25);
    const { audit } = open(makeFolder(), { clock });
    audit.record(fired("a"));
    await clock.advance(1000);
    audit.record({
      kind: "silence",
      actor: "ada",
      subject: "s-1",
      details: { comment: "fan swap", action: "made" },
    });
    const [second, first] = audit.list(everything);
    const before = Buffer.alloc(32);
    const text =
      '{"actor":"collector","details":{"rule":"GpuHot","state":"firing"},"kind":"alert",' +
      '"sequence":1,"subject":"a","time":1700000000000}';
    expect(first?.hash).toBe(createHash("sha256").update(before).update(text).digest("hex"));
    expect(second).toMatchObject({
      sequence: 2,
      timeMilliseconds: 1_700_000_001_000,
      kind: "silence",
      actor: "ada",
      subject: "s-1",
      details: { action: "made", comment: "fan swap" },
    });
    expect(audit.head()).toEqual({ sequence: 2, hash: second?.hash });
    expect(await audit.verify()).toMatchObject({ ok: true, entries: 2, from: 1, complaint: "" });
  });

  test("is undone with the transaction that it belongs to", async () => {
    const { database, audit } = open(makeFolder());
    audit.record(fired("a"));
    expect(() =>
      database.transaction(() => {
        audit.record(fired("b"));
        throw new Error("disk full");
      }),
    ).toThrow("disk full");
    audit.record(fired("c"));
    expect(audit.list(everything).map(({ subject }) => subject)).toEqual(["c", "a"]);
    expect(await audit.verify()).toMatchObject({ ok: true, entries: 2 });
  });

  test("hashes what stands in the file, whatever characters and numbers it was given", async () => {
    const folder = makeFolder();
    const { database, audit } = open(folder);
    audit.record({
      kind: "action",
      actor: 'quote " and \u0000 zero',
      subject: "lone \ud800 surrogate",
      details: { text: "é \u2028 ".repeat(200), value: Number.NaN, small: 1e-9, yes: true },
    });
    database.close();
    const again = open(folder).audit;
    expect(await again.verify()).toMatchObject({ ok: true, entries: 1 });
    const [entry] = again.list(everything);
    expect(entry?.details["value"]).toBe("NaN");
    expect(entry?.details["text"]).toMatch(/ \[288 characters cut\]$/);
  });

  test("finds by kind, by age and page by page", async () => {
    const clock = createFakeClock();
    const { audit } = open(makeFolder(), { clock });
    for (let index = 1; index <= 9; index += 1) {
      audit.record({ ...fired(String(index)), kind: index % 3 === 0 ? "action" : "alert" });
      await clock.advance(60_000);
    }
    const find = (query: Partial<AuditQuery>): string[] =>
      audit.list({ ...everything, ...query }).map(({ subject }) => subject);
    expect(find({ kind: "action" })).toEqual(["9", "6", "3"]);
    expect(find({ sinceMilliseconds: clock.now() - 120_000 })).toEqual(["9", "8"]);
    expect(find({ sinceMilliseconds: clock.now() })).toEqual([]);
    expect(find({ limit: 2 })).toEqual(["9", "8"]);
    expect(find({ limit: 2, before: 8 })).toEqual(["7", "6"]);
    expect(find({ kind: "action", before: 9, limit: 1 })).toEqual(["6"]);
  });

  test("still verifies when the old entries are gone, and says how many went", async () => {
    const clock = createFakeClock();
    const { audit } = open(makeFolder(), { clock });
    for (let index = 0; index < 5; index += 1) audit.record(fired(`old ${index}`));
    await clock.advance(60 * day);
    audit.record(fired("young"));
    expect(audit.prune()).toBe(0);
    await clock.advance(31 * day);
    expect(audit.prune()).toBe(5);
    expect(audit.list(everything).map(({ subject }) => subject)).toEqual(["audit log", "young"]);
    expect(audit.list(everything)[0]?.details).toEqual({ action: "pruned", entries: 5, upTo: 5 });
    expect(await audit.verify()).toMatchObject({ ok: true, entries: 2, from: 6 });
    expect(audit.entries()).toBe(2);
  });

  test("lets the oldest go when there are too many, and counts them", async () => {
    const { audit } = open(makeFolder(), { maximumRows: 10 });
    for (let index = 1; index <= 25; index += 1) audit.record(fired(String(index)));
    expect(audit.entries()).toBeLessThanOrEqual(10);
    expect(audit.dropped()).toBe(25 - audit.entries());
    expect(audit.list(everything)[0]?.subject).toBe("25");
    expect(await audit.verify()).toMatchObject({ ok: true, entries: audit.entries() });
  });

  test("is whole again when the disk could be written again after a while in memory", async () => {
    const { database, audit } = open(makeFolder());
    for (const subject of ["a", "b", "c"]) audit.record(fired(subject));
    copyToMemory(database.sqlite);
    for (const subject of ["d", "e"]) audit.record(fired(subject));
    expect(audit.head().sequence).toBe(5);
    expect(audit.prune()).toBe(0);
    copyToDisk(database.sqlite);
    audit.record(fired("f"));
    expect(
      audit
        .list(everything)
        .map(({ subject }) => subject)
        .toReversed(),
    ).toEqual("abcdef".split(""));
    expect(await audit.verify()).toMatchObject({ ok: true, entries: 6 });
  });

  test("stays bounded although somebody took entries out", async () => {
    const { database, audit } = open(makeFolder(), { maximumRows: 10 });
    for (let index = 1; index <= 10; index += 1) audit.record(fired(String(index)));
    database.sqlite.exec("DELETE FROM audit WHERE sequence BETWEEN 1 AND 10 AND sequence <> 9");
    for (let index = 11; index <= 60; index += 1) audit.record(fired(String(index)));
    expect(audit.list(everything).length).toBeLessThanOrEqual(11);
    expect(audit.list(everything)[0]?.subject).toBe("60");
  });

  test("is verified in slices while it grows and shrinks", async () => {
    const clock = createFakeClock();
    const { database, audit } = open(makeFolder(), { clock });
    database.transaction(() => {
      for (let index = 0; index < 5000; index += 1) audit.record(fired(String(index)));
    });
    const verdict = audit.verify();
    await clock.advance(91 * day);
    audit.record(fired("later"));
    expect(audit.prune()).toBe(5000);
    expect(await verdict).toMatchObject({ ok: true, complaint: "" });
  });
});

describe("whoever changes the file behind the collector's back is found out", () => {
  test.each([
    ["nothing was touched", "SELECT 1", ""],
    [
      "a subject was edited",
      "UPDATE audit SET subject = 'alert 4' WHERE sequence = 5",
      "entry 5 isn't",
    ],
    ["a time was edited", "UPDATE audit SET time = time + 1 WHERE sequence = 7", "entry 7 isn't"],
    [
      "details were edited",
      "UPDATE audit SET details = replace(details, 'firing', 'pending') WHERE sequence = 10",
      "entry 10 isn't",
    ],
    [
      "details were written in another way",
      "UPDATE audit SET details = ' ' || details WHERE sequence = 2",
      "entry 2 isn't",
    ],
    [
      "one in the middle was taken out",
      "DELETE FROM audit WHERE sequence = 4",
      "entry 4 is missing",
    ],
    [
      "some were taken out and the rest closed up",
      "DELETE FROM audit WHERE sequence IN (4, 5); UPDATE audit SET sequence = sequence - 2 WHERE sequence > 5",
      "entry 4 isn't",
    ],
    [
      "two changed places",
      `UPDATE audit SET sequence = -1 WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE sequence = 8;
       UPDATE audit SET sequence = 8 WHERE sequence = -1`,
      "entry 3 isn't",
    ],
    [
      "the oldest were cut off",
      "DELETE FROM audit WHERE sequence <= 3",
      "entries 1 to 3 are missing",
    ],
    [
      "the newest were cut off",
      "DELETE FROM audit WHERE sequence > 8",
      "entries 9 to 10 are missing",
    ],
    [
      "the newest were cut off and the record of the end taken out",
      "DELETE FROM audit WHERE sequence > 8; DELETE FROM audit_ends",
      "somebody had taken out the log's record of its end",
    ],
    ["the record of the end was set back", "UPDATE audit_ends SET head = 6", "entry 11"],
    ["all were taken out", "DELETE FROM audit", "entries 1 to 10 are missing"],
    ["a hash was taken out", "UPDATE audit SET hash = x'' WHERE sequence = 6", "entry 6 isn't"],
  ])("%s", async (_, sql, complaint) => {
    const found = await tampered(sql);
    if (complaint === "") expect(found).toBe("");
    else expect(found).toContain(complaint);
  });

  test("even who writes the whole chain anew, by a head that was kept elsewhere", async () => {
    const folder = makeFolder();
    const { audit, database } = open(folder);
    audit.record(fired("a"));
    audit.record(fired("b"));
    const kept = audit.head();
    audit.record(fired("c"));
    expect(await audit.verify(kept)).toMatchObject({ ok: true });
    database.sqlite.exec(
      "DELETE FROM audit; UPDATE audit_ends SET head = 0, head_hash = zeroblob(32)",
    );
    audit.record(fired("something else"));
    audit.record(fired("b"));
    audit.record(fired("c"));
    expect(await audit.verify()).toMatchObject({ ok: true });
    expect((await audit.verify(kept)).complaint).toBe("entry 2 has another hash than the one kept");
    expect((await audit.verify({ ...kept, sequence: 9 })).complaint).toContain("entry 9");
    database.sqlite.exec(
      `UPDATE audit_ends SET anchor = 2, anchor_hash = (SELECT hash FROM audit WHERE sequence = 2);
       DELETE FROM audit WHERE sequence <= 2`,
    );
    expect((await audit.verify({ ...kept, sequence: 1 })).complaint).toContain(
      "is older than what the log holds",
    );
  });

  test("and the collector goes on writing", async () => {
    const folder = makeFolder();
    const { audit, database } = open(folder);
    audit.record(fired("a"));
    database.sqlite.exec("DELETE FROM audit_ends");
    database.close();
    const again = open(folder).audit;
    again.record(fired("b"));
    expect(again.list(everything).map(({ subject }) => subject)).toEqual(["b", "audit log", "a"]);
    expect((await again.verify()).complaint).toContain("before entry 2 was written");
  });
});
