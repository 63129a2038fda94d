import { statfsSync } from "node:fs";
import { expect, test } from "vitest";
import { WarpwatchError } from "../../../../core/kit/errors.ts";
import type { Probe } from "../../../../agent/probes/probe.ts";
import {
  createUsageAsker,
  type Asked,
  type SpaceUsage,
  type UsageAsker,
  type UsageAskerOptions,
} from "../../../../agent/sources/host/statfs.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";

const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync("/");
const usage: SpaceUsage = { bsize, blocks, bfree, bavail, files, ffree };

function makeMount(path: string, local: boolean): Asked {
  return { key: path, mountPoint: path, path: Buffer.from(path), local, inMemory: false };
}

interface HangingKernel {
  readonly options: Pick<UsageAskerOptions, "call" | "probe">;
  readonly calls: string[];
  release(path: string): void;
}

/** A kernel in which the named paths hang until they are released, and the others answer at the next turn; a probe before it. */
function createHangingKernel(clock: FakeClock, hanging: Set<string>): HangingKernel {
  const waiting = new Map<string, () => void>();
  const calls: string[] = [];
  function call(path: Buffer, done: (error: Error | null, answer: SpaceUsage) => void): void {
    const name = path.toString();
    calls.push(name);
    if (hanging.has(name)) waiting.set(name, () => done(null, usage));
    else queueMicrotask(() => done(name.endsWith("failing") ? new Error("EIO") : null, usage));
  }
  const outstanding = new Set<string>();
  const probe: Probe = {
    name: "slow-kernel",
    inFlight: () => [],
    ask: (_call, key, path, timeoutMilliseconds) =>
      new Promise((resolve, reject) => {
        if (outstanding.has(key)) throw new WarpwatchError("PROBE_BUSY", key);
        outstanding.add(key);
        clock.after(timeoutMilliseconds, () => reject(new WarpwatchError("PROBE_TIMEOUT", key)));
        call(path as Buffer, (error) => {
          outstanding.delete(key);
          resolve(error ? null : Float64Array.of(bsize, blocks, bfree, bavail, files, ffree));
        });
      }),
  };
  return {
    options: { call, probe },
    calls,
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
  const kernel = createHangingKernel(clock, new Set(["/nfs1"]));
  const asker = createUsageAsker({ clock, ...kernel.options });
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

test("however many servers hang, they take no thread of this process, each is asked once, and local disks go on", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(clock, new Set(servers.map(({ mountPoint }) => mountPoint)));
  const asker = createUsageAsker({ clock, ...kernel.options });
  for (let second = 1; second <= 8; second += 1) {
    await round(asker, clock, [...servers, data]);
    expect(asker.outstanding).toBe(0);
    expect(asker.usageOf(data)).toEqual(usage);
  }
  expect(servers.map((mount) => asker.usageOf(mount))).toEqual(Array(4).fill("error"));
  expect(kernel.calls.filter((path) => path.startsWith("/nfs")).toSorted()).toEqual(
    servers.map(({ mountPoint }) => mountPoint),
  );
});

test("two threads are the last: where two local disks hang, no other is called", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(clock, new Set(["/data", "/scratch"]));
  const asker = createUsageAsker({ clock, ...kernel.options });
  const [scratch, other] = [makeMount("/scratch", true), makeMount("/other", true)];
  const mounts = [...servers, data, scratch, other];
  for (let second = 1; second <= 6; second += 1) await round(asker, clock, mounts);
  expect(asker.outstanding).toBe(2);
  expect([data, scratch, other].map((mount) => asker.usageOf(mount))).toEqual(
    Array(3).fill("error"),
  );
  expect(servers.map((mount) => asker.usageOf(mount))).toEqual(servers.map(() => usage));
});

test("a mount that comes back is read again", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(clock, new Set(["/nfs1", "/nfs2"]));
  const asker = createUsageAsker({ clock, ...kernel.options });
  for (let second = 1; second <= 6; second += 1) await round(asker, clock, servers);
  const [first, second, third, fourth] = [usage, "error", usage, usage];
  expect(servers.map((mount) => asker.usageOf(mount))).toEqual(["error", second, third, fourth]);
  kernel.release("/nfs1");
  await round(asker, clock, servers);
  expect(servers.map((mount) => asker.usageOf(mount))).toEqual([first, second, third, fourth]);
});

test("a probe that is started anew leaves what was known of a mount as it was, for five seconds", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(clock, new Set());
  let broken = false;
  const probe: Probe = {
    ...kernel.options.probe,
    ask: (...how) =>
      broken
        ? Promise.reject(new WarpwatchError("PROBE_FAILED", "the slow-kernel probe ended with 1"))
        : kernel.options.probe.ask(...how),
  };
  const asker = createUsageAsker({ clock, probe });
  const [server] = servers.slice(0, 1);
  if (!server) throw new Error("no server");
  await round(asker, clock, [server]);
  broken = true;
  for (let second = 1; second <= 4; second += 1) {
    await round(asker, clock, [server]);
    expect(asker.usageOf(server)).toEqual(usage);
  }
  await round(asker, clock, [server]);
  expect(asker.usageOf(server)).toBe("error");
});

test("a round doesn't wait for what hung before it", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(clock, new Set(["/nfs1"]));
  const asker = createUsageAsker({ clock, ...kernel.options });
  await round(asker, clock, [data, ...servers.slice(0, 1)]);
  await asker.ask([data, ...servers.slice(0, 1)], new AbortController().signal);
  // The probe's own deadline is all that is left.
  expect(clock.pendingTimers).toBe(1);
});

test("a mount that was taken away while it hung isn't called again when it returns", async () => {
  const clock = createFakeClock();
  const kernel = createHangingKernel(clock, new Set(["/nfs1"]));
  const asker = createUsageAsker({ clock, ...kernel.options });
  await round(asker, clock, servers.slice(0, 1));
  await round(asker, clock, [data]);
  await round(asker, clock, servers.slice(0, 1));
  expect(kernel.calls).toEqual(["/nfs1", "/data"]);
});

test("a call that fails is an error at once", async () => {
  const clock = createFakeClock();
  const asker = createUsageAsker({ clock, ...createHangingKernel(clock, new Set()).options });
  const failing = [makeMount("/failing", true), makeMount("/nfs/failing", false)];
  await round(asker, clock, [...failing, data]);
  expect([...failing, data].map((mount) => asker.usageOf(mount))).toEqual([
    "error",
    "error",
    usage,
  ]);
});
