import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase, type Database } from "../../../collector/state/database.ts";
import { createKeyedStore } from "../../../collector/state/keyed.ts";
import { reserveName } from "../../../collector/state/reserve.ts";
import { makeSharedFolder } from "../../kit/folder.ts";
import { mountSmallFilesystem, type SmallFilesystem } from "../../kit/small-filesystem.ts";

const reserveBytes = 1024 * 1024;
const text = "x".repeat(20_000);
let disk: SmallFilesystem | null = null;

beforeAll(() => {
  disk = mountSmallFilesystem(join(makeSharedFolder(), "disk"), 16 * 1024 * 1024);
});
afterAll(() => disk?.unmount());

function open(name: string): { database: Database; folder: string } {
  const folder = join(disk?.mountPoint ?? "", name);
  return { database: openDatabase(folder, { reserveBytes }), folder };
}

/** Saves values until the state is in the given phase; what was saved. */
function saveUntil(database: Database, phase: string, from = 0): string[] {
  const keyed = createKeyedStore(database);
  const keys: string[] = [];
  for (let number = from; database.endurance.phase !== phase && number < from + 500; number += 1) {
    keyed.save(`key ${number}`, `${number} ${text}`);
    keys.push(`key ${number}`);
  }
  return keys;
}

test.skipIf(process.getuid?.() !== 0)(
  "goes on in the room of its reserve when the disk is full, and sets it aside again",
  () => {
    const { database, folder } = open("reserve");
    const reserve = join(folder, reserveName);
    expect(statSync(reserve).size).toBe(reserveBytes);
    disk?.fill(0);
    const keys = saveUntil(database, "reserve");
    expect([database.endurance.phase, existsSync(reserve)]).toEqual(["reserve", false]);
    expect(database.endurance.unsaved).toBe(0);
    database.endurance.recover();
    expect(database.endurance.phase).toBe("reserve");
    disk?.empty();
    database.endurance.recover();
    expect([database.endurance.phase, statSync(reserve).size]).toEqual(["disk", reserveBytes]);
    database.close();
    expect(allThere(folder, keys)).toBe(true);
  },
);

test.skipIf(process.getuid?.() !== 0)(
  "goes on in memory when the reserve is used up too, and brings everything to disk later",
  () => {
    const { database, folder } = open("memory");
    const keyed = createKeyedStore(database);
    keyed.save("removed", "before");
    disk?.fill(0);
    const first = saveUntil(database, "reserve");
    disk?.fill(0);
    const second = saveUntil(database, "memory", first.length);
    expect(database.endurance.phase).toBe("memory");
    keyed.remove("removed");
    keyed.save("changed", 1);
    keyed.save("changed", 2);
    expect(database.endurance.unsaved).toBe(4);
    expect([keyed.load("changed"), keyed.load("removed")]).toEqual([2, null]);
    database.endurance.recover();
    expect(database.endurance.phase).toBe("memory");
    disk?.empty();
    database.endurance.recover();
    expect(database.endurance.phase).toBe("disk");
    database.close();
    expect(allThere(folder, [...first, ...second])).toBe(true);
    const again = openDatabase(folder, { reserveBytes });
    const kept = createKeyedStore(again);
    expect([kept.load("changed"), kept.load("removed")]).toEqual([2, null]);
    again.close();
  },
);

test.skipIf(process.getuid?.() !== 0)(
  "starts without a reserve where there is no room for one",
  () => {
    disk?.fill(reserveBytes + 300_000);
    const { database } = open("tight");
    expect(database.endurance.phase).toBe("reserve");
    expect(() => database.transaction(() => database.sqlite.exec("SELECT missing"))).toThrow(
      "no such column",
    );
    database.close();
    disk?.empty();
  },
);

function allThere(folder: string, keys: readonly string[]): boolean {
  const database = openDatabase(folder, { reserveBytes });
  const keyed = createKeyedStore(database);
  const values = keys.map((key) => keyed.load(key));
  database.close();
  return keys.length > 0 && values.every((value, index) => value === `${index} ${text}`);
}
