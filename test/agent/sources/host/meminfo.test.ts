import { expect, test } from "vitest";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const meminfo = sourceNamed("meminfo");

test("gives sizes in bytes and counts as they are", async () => {
  const samples = await (await drive(meminfo, smallServer())).read();
  expect(Object.fromEntries(samples)).toEqual({
    node_memory_MemTotal_bytes: 25276514304,
    node_memory_MemFree_bytes: 24689123328,
    node_memory_MemAvailable_bytes: 24917893120,
    node_memory_Active_anon_bytes: 1613824,
    node_memory_HugePages_Total: 8,
    node_memory_Hugepagesize_bytes: 2097152,
    node_memory_DirectMap1G_bytes: 25769803776,
  });
});

test("leaves out a garbled, negative or overlong line and keeps the others", async () => {
  const driven = await drive(meminfo, hostileHost());
  expect(Object.fromEntries(await driven.read())).toEqual({
    node_memory_MemTotal_bytes: 102400,
    node_memory_Slab_bytes: 11264,
  });
  expect(driven.changes).toBe(0);
});

test("gives a garbled value again once it is a number", async () => {
  const driven = await drive(meminfo, { "proc/meminfo": "MemTotal: 8 kB\nMemFree: ? kB\n" });
  expect((await driven.read()).has("node_memory_MemFree_bytes")).toBe(false);
  driven.change({ "proc/meminfo": "MemTotal: 8 kB\nMemFree: 3 kB\n" });
  expect((await driven.read()).get("node_memory_MemFree_bytes")).toBe(3072);
  expect(driven.changes).toBe(0);
});

test("follows keys that appear, go and change places, and never mixes them up", async () => {
  const driven = await drive(meminfo, { "proc/meminfo": "MemTotal: 8 kB\nMemFree: 3 kB\n" });
  await driven.read();
  driven.change({ "proc/meminfo": "MemFree: 2 kB\nMemTotal: 8 kB\n" });
  expect(Object.fromEntries(await driven.read())).toEqual({
    node_memory_MemTotal_bytes: 8192,
    node_memory_MemFree_bytes: 2048,
  });
  driven.change({ "proc/meminfo": "MemFree: 1 kB\nMemTotal: 8 kB\nSlab: 5 kB\n" });
  expect(Object.fromEntries(await driven.read())).toEqual({
    node_memory_MemTotal_bytes: 8192,
    node_memory_MemFree_bytes: 1024,
    node_memory_Slab_bytes: 5120,
  });
  driven.change({ "proc/meminfo": "MemFree: 1 kB\n" });
  expect((await driven.read()).size).toBe(1);
  expect(driven.changes).toBe(3);
});
