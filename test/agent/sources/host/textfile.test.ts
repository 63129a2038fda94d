import { join } from "node:path";
import { utimesSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createTextfileSource } from "../../../../agent/sources/host/textfile.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { drive, openOutcome } from "./drive.ts";

test("gives every file's metrics and the time it was written, and follows what is written anew", async () => {
  const folder = makeFolder();
  const path = join(folder, "backup.prom");
  writeFileSync(
    path,
    '# HELP backup_age_seconds Age.\n# TYPE backup_age_seconds gauge\nbackup_age_seconds{disk="a b"} 12.5\n',
  );
  utimesSync(path, 1000.9, 1000.9);
  writeFileSync(join(folder, "ignored.txt"), "nonsense");
  const driven = await drive(createTextfileSource(folder), {});
  expect(Object.fromEntries(await driven.read())).toEqual({
    [`node_textfile_mtime_seconds{file="${path}"}`]: 1000,
    'backup_age_seconds{disk="a b"}': 12.5,
    node_textfile_scrape_error: 0,
  });
  writeFileSync(path, '# TYPE backup_age_seconds gauge\nbackup_age_seconds{disk="a b"} 99\n');
  utimesSync(path, 2000, 2000);
  const after = await driven.read();
  expect(after.get('backup_age_seconds{disk="a b"}')).toBe(99);
  expect(after.get(`node_textfile_mtime_seconds{file="${path}"}`)).toBe(2000);
});

test.each([
  ["a line breaks the format", "fine 1\nbroken {\n"],
  ["it is cut off", "fine 1\nfine_too 2"],
  ["a sample has a time", "fine 1 1700000000000\n"],
  ["a series comes twice", "fine 1\nfine 2\n"],
])("leaves a file out whole when %s, and keeps the others", async (_why, text) => {
  const folder = makeFolder();
  writeFileSync(join(folder, "bad.prom"), text);
  writeFileSync(join(folder, "good.prom"), "good 1\n");
  const samples = await (await drive(createTextfileSource(folder), {})).read();
  expect([...samples.keys()]).toEqual([
    `node_textfile_mtime_seconds{file="${join(folder, "good.prom")}"}`,
    "good",
    "node_textfile_scrape_error",
  ]);
  expect(samples.get("node_textfile_scrape_error")).toBe(1);
});

test("says error where the folder is missing, and is absent where none is named", async () => {
  const missing = createTextfileSource(join(makeFolder(), "missing"));
  const samples = await (await drive(missing, {})).read();
  expect(Object.fromEntries(samples)).toEqual({ node_textfile_scrape_error: 1 });
  expect(await openOutcome(createTextfileSource(""), {})).toMatch(/--collector\.textfile/);
});
