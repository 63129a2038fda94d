import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import type { AuditVerdict } from "../../../collector/state/audit.ts";
import { openAuditFile } from "../../../collector/state/audit-file.ts";
import { makeAuditKey, readAuditKeys, type AuditKey } from "../../../collector/state/audit-key.ts";
import { openState } from "../../../collector/state/open.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { startWarpwatch } from "../../kit/programs.ts";

const [first, second] = [makeAuditKey("1".repeat(64)), makeAuditKey("2".repeat(64))];

/** One life of a collector, which writes so many entries. */
function live(folder: string, keys: readonly AuditKey[], entries: number): void {
  const state = openState({
    folder: join(folder, "collector"),
    notifiers: [],
    clock: createFakeClock(),
    auditKeys: keys,
  });
  for (let index = 0; index < entries; index += 1)
    state.audit.record({ kind: "alert", actor: "collector", subject: `a${index}`, details: {} });
  state.close();
}

function verify(folder: string, keys: readonly AuditKey[]): Promise<AuditVerdict> {
  const file = openAuditFile(folder, keys);
  if (!file) throw new Error("a collector has it");
  onTestFinished(() => file.close());
  return file.verify();
}

/** By somebody who has the file and not the key. */
function change(folder: string, sql: string): void {
  const file = new DatabaseSync(join(folder, "collector", "state.db"));
  file.exec(sql);
  file.close();
}

it("verifies with the key it was written under, and with no other", async () => {
  const folder = makeFolder();
  live(folder, [first], 5);
  expect(await verify(folder, [first])).toMatchObject({ ok: true, entries: 6, key: first.id });
  for (const keys of [[second], []])
    expect(await verify(folder, keys)).toMatchObject({
      ok: false,
      complaint:
        "entry 1 and what follows is under a key that isn't known here, or isn't as it was written",
    });
});

it("takes a key up in the midst of the chain, says so once, and verifies across it", async () => {
  const folder = makeFolder();
  live(folder, [], 3);
  live(folder, [first], 2);
  live(folder, [first], 2);
  const verdict = await verify(folder, [first]);
  expect(verdict).toMatchObject({ ok: true, entries: 8, key: first.id });
  const told = openAuditFile(folder, [])?.list({
    sinceMilliseconds: 0,
    kind: "action",
    before: 0,
    limit: 10,
  });
  expect(told?.map(({ sequence, details }) => [sequence, details])).toEqual([
    [4, { action: "key changed", key: first.id }],
  ]);
  expect((await verify(folder, [])).complaint).toMatch(/^entry 4 and what follows is under a key/);
});

it("verifies across a change of keys with both, and tells where the former one is needed", async () => {
  const folder = makeFolder();
  live(folder, [first], 2);
  live(folder, [second, first], 2);
  expect(await verify(folder, [second, first])).toMatchObject({ ok: true, key: second.id });
  expect((await verify(folder, [second])).complaint).toMatch(/^entry 1 and what follows/);
  expect((await verify(folder, [first])).complaint).toMatch(/^entry 4 and what follows/);
});

it("finds what somebody without the key wrote, who made the whole chain anew", async () => {
  const folder = makeFolder();
  live(folder, [first], 5);
  change(
    folder,
    "DELETE FROM audit; UPDATE audit_ends SET head = 0, head_hash = zeroblob(32), anchor = 0",
  );
  live(folder, [], 5);
  expect(await verify(folder, [])).toMatchObject({ ok: true, entries: 5 });
  expect((await verify(folder, [first])).complaint).toBe("no entry is under the key that is given");
});

it("finds what was changed before the key, and what was written without it after", async () => {
  const before = makeFolder();
  live(before, [], 3);
  live(before, [first], 1);
  change(before, "UPDATE audit SET actor = 'nobody' WHERE sequence = 3");
  expect((await verify(before, [first])).complaint).toMatch(/^entry 3 isn't as it was written/);

  const after = makeFolder();
  live(after, [first], 2);
  live(after, [], 1);
  live(after, [first], 1);
  expect((await verify(after, [first])).complaint).toBe("entry 4 and what follows has no key");
});

it("reads keys one a line, and names what is wrong with a file", () => {
  const file = join(makeFolder(), "keys");
  const write = (text: string, mode = 0o600): void => {
    writeFileSync(file, text);
    chmodSync(file, mode);
  };
  write(`${"1".repeat(64)}\n${"2".repeat(64)}\n\n`);
  expect(readAuditKeys(file).map(({ id }) => id)).toEqual([first.id, second.id]);
  expect(readAuditKeys("")).toEqual([]);
  write("short\n");
  expect(() => readAuditKeys(file)).toThrow(/keys line 1 is no key: .*openssl rand -hex 32/);
  write("\n");
  expect(() => readAuditKeys(file)).toThrow("must have 1 to 10 keys");
  write("1".repeat(64), 0o644);
  expect(() => readAuditKeys(file)).toThrow("can be read by other users");
  expect(() => readAuditKeys(`${file}-not`)).toThrow("can't be read (ENOENT)");
});

it("is verified on the command line with the key's file, from the file and from a collector that runs", async () => {
  const folder = makeFolder();
  const [right, wrong] = [join(folder, "right.key"), join(folder, "wrong.key")];
  writeFileSync(right, `${"1".repeat(64)}\n`, { mode: 0o600 });
  writeFileSync(wrong, `${"2".repeat(64)}\n`, { mode: 0o600 });
  const config = join(folder, "collector.yml");
  writeFileSync(config, `listen: 127.0.0.1:0\naudit: { key_file: ${right} }\n`);
  const state = join(folder, "state");
  const collector = startWarpwatch([
    "collector",
    `--config.file=${config}`,
    `--web.listen-address=127.0.0.1:0`,
    `--state.folder=${state}`,
  ]);
  onTestFinished(() => void collector.stop());
  await expect
    .poll(() => collector.output(), { timeout: 30_000 })
    .toContain("the collector serves");
  const url = /"address":"(http:[^"]+)"/.exec(collector.output())?.[1] ?? "";
  const ask = async (...flags: readonly string[]): Promise<[number | null, string]> => {
    const program = startWarpwatch(["audit", "verify", `--state.folder=${state}`, ...flags]);
    return [await program.ended(), program.output()];
  };
  const running = `--collector.url=${url}`;
  expect(await ask(running, `--key-file=${right}`)).toEqual([
    0,
    expect.stringContaining(`under the key ${first.id}`),
  ]);
  expect(await ask(running, `--key-file=${wrong}`)).toEqual([
    1,
    expect.stringContaining(`under the key ${first.id}, which isn't in the file`),
  ]);
  await collector.stop();
  expect((await ask(`--key-file=${right}`))[0]).toBe(0);
  expect(await ask(`--key-file=${wrong}`)).toEqual([1, expect.stringContaining("entry 1 and")]);
  expect(await ask()).toEqual([1, expect.stringContaining("under a key that isn't known here")]);
});
