import { statfsSync, type StatsFs } from "node:fs";
import { expect, test } from "vitest";
import {
  createUsageAsker,
  type Asked,
  type UsageAsker,
} from "../../../../agent/sources/host/statfs.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";

const usage = statfsSync("/");

function makeMount(path: string, local: boolean): Asked {
  return { key: path, path: Buffer.from(path), local, inMemory: false };
}

/** A kernel in which the named paths hang until they are released, and the others answer at the next turn. */
function createHangingKernel(hanging: Set<string>): {
  readonly call: (path: Buffer, done: (error: Error | null, answer: StatsFs) => void) => void;
  readonly calls: string[];
  release(path: string): void;
} {
  const waiting = new Map<string, () => void>();
  const calls: string[] = [];
  return {
    calls,
    call(path, done) {
      const name = path.toString();
      calls.push(name);
      if (hanging.has(name)) waiting.set(name, () => done(null, usage));
      else queueMicrotask(() => done(name === "/failing" ? new Error("EIO") : null, usage));
    },
    release(path) {
      hanging.delete(path);
      waiting.get(path)?.();
    },
  };
}

async function round(asker: UsageAsker, clock: FakeClock, mounts: readonly Asked[]): Promise<void> {
  const asked = asker.ask(mounts, new AbortController().signal);
  await clock.advance(1000);
  await asked;
}

const data = makeMount("/data", true);
const servers = ["/nfs1", "/nfs2", "/nfs3", "/nfs4"].map((path) => makeMount(path, false));

test("a hung server's mount is in error after five seconds, and only that one", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(new Set(["/nfs1"]));
  const asker = createUsageAsker({ clock, call: kernel.call });
  const mounts = [data, ...servers];
  for (let second = 1; second <= 4; second += 1) await round(asker, clock, mounts);
  expect(mounts.map((mount) => asker.usageOf(mount))).toEqual([
    usage,
    "waiting",
    usage,
    usage,
    usage,
  ]);
  await round(asker, clock, mounts);
  expect(mounts.map((mount) => asker.usageOf(mount))).toEqual([
    usage,
    "error",
    usage,
    usage,
    usage,
  ]);
  expect(kernel.calls.filter((path) => path === "/nfs1")).toHaveLength(1);
  expect(kernel.calls.filter((path) => path === "/data")).toHaveLength(5);
});

test("however many servers hang, two threads are lost at most and local disks go on", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(new Set(["/nfs1", "/nfs2", "/nfs3", "/nfs4"]));
  const asker = createUsageAsker({ clock, call: kernel.call });
  for (let second = 1; second <= 8; second += 1) {
    await round(asker, clock, [...servers, data]);
    expect(asker.outstanding).toBe(2);
    expect(asker.usageOf(data)).toBe(usage);
  }
  expect(servers.map((mount) => asker.usageOf(mount))).toEqual(Array(4).fill("error"));
  expect(kernel.calls.filter((path) => path.startsWith("/nfs"))).toHaveLength(2);
});

test("a third thread is the last: where a local disk hangs too, nothing more is called", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(new Set(["/nfs1", "/nfs2", "/data"]));
  const asker = createUsageAsker({ clock, call: kernel.call });
  const other = makeMount("/other", true);
  const mounts = [...servers, data, other];
  for (let second = 1; second <= 6; second += 1) await round(asker, clock, mounts);
  expect(asker.outstanding).toBe(3);
  expect([data, other].map((mount) => asker.usageOf(mount))).toEqual(["error", "error"]);
});

test("a mount that comes back is read again, and the others get their turn", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(new Set(["/nfs1", "/nfs2"]));
  const asker = createUsageAsker({ clock, call: kernel.call });
  for (let second = 1; second <= 6; second += 1) await round(asker, clock, servers);
  expect(servers.map((mount) => asker.usageOf(mount))).toEqual(Array(4).fill("error"));
  kernel.release("/nfs1");
  await round(asker, clock, servers);
  expect(servers.map((mount) => asker.usageOf(mount))).toEqual([usage, "error", usage, usage]);
});

test("a round doesn't wait for what hung before it", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(new Set(["/nfs1"]));
  const asker = createUsageAsker({ clock, call: kernel.call });
  await round(asker, clock, [data, ...servers.slice(0, 1)]);
  await asker.ask([data, ...servers.slice(0, 1)], new AbortController().signal);
  expect(clock.pendingTimers).toBe(0);
});

test("a mount that was taken away while it hung isn't called again when it returns", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(new Set(["/nfs1"]));
  const asker = createUsageAsker({ clock, call: kernel.call });
  await round(asker, clock, servers.slice(0, 1));
  await round(asker, clock, [data]);
  await round(asker, clock, servers.slice(0, 1));
  expect(kernel.calls).toEqual(["/nfs1", "/data"]);
});

test("a call that fails is an error at once", async () => {
  const clock = createFakeClock();
  const asker = createUsageAsker({ clock, call: createHangingKernel(new Set()).call });
  const failing = makeMount("/failing", true);
  await round(asker, clock, [failing, data]);
  expect([failing, data].map((mount) => asker.usageOf(mount))).toEqual(["error", usage]);
});
