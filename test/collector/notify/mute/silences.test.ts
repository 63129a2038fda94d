import { describe, expect, onTestFinished, test } from "vitest";
import { parseMatcher } from "../../../../collector/notify/mute/matcher.ts";
import {
  createSilences,
  maximumOpenSilences,
  type SilenceRefusal,
  type SilenceRequest,
  type Silences,
} from "../../../../collector/notify/mute/silences.ts";
import { createAuditLog, type EmbeddedAuditLog } from "../../../../collector/state/audit-log.ts";
import { openDatabase, type Database } from "../../../../collector/state/database.ts";
import { createSilenceStore, type Silence } from "../../../../collector/state/silences.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";
import { makeFolder } from "../../../kit/folder.ts";

const hour = 3_600_000;
const day = 24 * hour;

interface Opened {
  readonly silences: Silences;
  readonly audit: EmbeddedAuditLog;
  readonly clock: FakeClock;
  readonly database: Database;
  close(): void;
}

function open(folder = makeFolder(), clock = createFakeClock(1_700_000_000_000.75)): Opened {
  const database = openDatabase(folder);
  const close = (): void => {
    if (database.sqlite.isOpen) database.close();
  };
  onTestFinished(close);
  const audit = createAuditLog(database, { clock });
  let made = 0;
  const silences = createSilences({
    store: createSilenceStore(database),
    audit,
    transaction: (work) => database.transaction(work),
    clock,
    randomId: () => `id-${clock.now()}-${(made += 1)}`,
  });
  return { silences, audit, clock, database, close };
}

function request(clock: FakeClock, changes: Partial<SilenceRequest> = {}): SilenceRequest {
  return {
    id: "",
    matchers: [parseMatcher('node="gpu-07"')],
    startsAtMilliseconds: Math.floor(clock.now()),
    endsAtMilliseconds: Math.floor(clock.now()) + hour,
    createdBy: "ada",
    comment: "fan swap",
    ...changes,
  };
}

function made(answer: Silence | SilenceRefusal): Silence {
  if ("status" in answer) throw new Error(answer.sentence);
  return answer;
}

const node = { node: "gpu-07" };

describe("a silence", () => {
  test("is in force from its start to its end, over a restart, and is kept for 90 days", async () => {
    const folder = makeFolder();
    const first = open(folder);
    const { clock } = first;
    const start = Math.floor(clock.now()) + hour;
    const { id } = made(
      first.silences.set(
        request(clock, { startsAtMilliseconds: start, endsAtMilliseconds: start + hour }),
        "10.0.0.1",
      ),
    );
    first.close();
    const { silences } = open(folder, clock);
    const state = (): string | null => {
      const silence = silences.get(id);
      return silence && silences.stateOf(silence);
    };
    expect(state()).toBe("pending");
    await clock.advance(hour);
    expect(state()).toBe("active");
    expect(silences.matching(node).map((one) => one.id)).toEqual([id]);
    expect(silences.matching({ node: "gpu-08" })).toEqual([]);
    await clock.advance(hour);
    expect(state()).toBe("expired");
    await clock.advance(89 * day);
    silences.prune();
    expect(state()).toBe("expired");
    await clock.advance(2 * day);
    silences.prune();
    expect(state()).toBeNull();
    expect(silences.list()).toEqual([]);
  });

  test("begins now when its start is over, and ends when somebody says so", async () => {
    const { silences, clock } = open();
    const silence = made(
      silences.set(request(clock, { startsAtMilliseconds: clock.now() - day }), ""),
    );
    expect(silence.startsAtMilliseconds).toBe(Math.floor(clock.now()));
    expect(silences.stateOf(silence)).toBe("active");
    await clock.advance(1000);
    const revision = silences.revision();
    const ended = silences.expire(silence.id, { actor: "bob", from: "" });
    expect(ended && silences.stateOf(ended)).toBe("expired");
    expect(silences.revision()).toBeGreaterThan(revision);
    expect(silences.matching(node)).toEqual([]);
    expect(silences.expire(silence.id, { actor: "bob", from: "" })).toBeNull();
    expect(silences.expire("nothing", { actor: "bob", from: "" })).toBeNull();
  });

  test("is in the audit log with who, what, why and from where", () => {
    const { silences, audit, clock } = open();
    const silence = made(silences.set(request(clock), "10.0.0.1"));
    silences.expire(silence.id, { actor: "bob", from: "10.0.0.2" });
    const entries = audit.list({ sinceMilliseconds: 0, kind: "silence", before: 0, limit: 10 });
    expect(entries).toMatchObject([
      { actor: "bob", subject: silence.id, details: { action: "expired", from: "10.0.0.2" } },
      {
        actor: "ada",
        subject: silence.id,
        details: {
          action: "made",
          matchers: '{node="gpu-07"}',
          comment: "fan swap",
          from: "10.0.0.1",
        },
      },
    ]);
  });

  test("is prolonged in place, and replaced when it is to be about something else", async () => {
    const { silences, audit, clock } = open();
    const first = made(silences.set(request(clock), ""));
    await clock.advance(1000);
    const prolonged = made(
      silences.set({ ...first, endsAtMilliseconds: first.endsAtMilliseconds + hour }, ""),
    );
    expect(prolonged.id).toBe(first.id);
    expect(silences.list()).toHaveLength(1);
    const other = made(
      silences.set({ ...prolonged, matchers: [parseMatcher('node="gpu-08"')] }, ""),
    );
    expect(other.id).not.toBe(first.id);
    const old = silences.get(first.id);
    expect(old && silences.stateOf(old)).toBe("expired");
    expect(silences.matching(node)).toEqual([]);
    const actions = audit
      .list({ sinceMilliseconds: 0, kind: "", before: 0, limit: 10 })
      .map(({ details }) => details["action"]);
    expect(actions).toEqual(["made", "expired", "changed", "made"]);
  });

  test.each([
    ["without an author", { createdBy: " " }, "createdBy is empty"],
    ["without a reason", { comment: "" }, "comment is empty"],
    ["without matchers", { matchers: [] }, "silence everything"],
    [
      "that matches everything",
      { matchers: [parseMatcher('node=~".*"')] },
      "at least one matcher must not match an empty value",
    ],
    [
      "with a pattern that RE2 doesn't know",
      { matchers: [{ name: "node", value: "(?=x)", isRegex: true, isEqual: true }] },
      "lookahead",
    ],
    ["that is over", { endsAtMilliseconds: 1 }, "is over already"],
    [
      "that ends before it begins",
      { startsAtMilliseconds: 1_700_000_000_000 + 3 * hour },
      "must be after startsAt",
    ],
    ["over a year", { endsAtMilliseconds: 1_700_000_000_000 + 367 * day }, "a year at most"],
  ])("%s is refused", (_, changes, sentence) => {
    const { silences, audit, clock } = open();
    const refusal = silences.set(request(clock, changes), "");
    expect(refusal).toMatchObject({ status: 400, sentence: expect.stringContaining(sentence) });
    expect(silences.list()).toEqual([]);
    expect(audit.entries()).toBe(0);
  });

  test("that isn't there can't be changed", () => {
    const { silences, clock } = open();
    expect(silences.set(request(clock, { id: "gone" }), "")).toMatchObject({ status: 404 });
  });

  test("number 1001 is refused until one is over", () => {
    const { silences, clock, database } = open();
    const ids = database.transaction(() =>
      Array.from({ length: maximumOpenSilences }, () => made(silences.set(request(clock), "")).id),
    );
    expect(silences.set(request(clock), "")).toMatchObject({
      status: 400,
      sentence: expect.stringContaining("1000 silences already"),
    });
    silences.expire(ids[0] ?? "", { actor: "ada", from: "" });
    expect(silences.set(request(clock), "")).toMatchObject({ createdBy: "ada" });
  });
});
