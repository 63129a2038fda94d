import { mkdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultCollectors } from "../../../../agent/collector-flags.ts";
import { parseMounts } from "../../../../agent/sources/host/mounts.ts";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const filesystem = sourceNamed("filesystem");

function metricsOf(samples: Map<string, number>, mountpoint: string): Record<string, number> {
  const own = [...samples].filter(([name]) =>
    name.includes(`mountpoint=${JSON.stringify(mountpoint)}}`),
  );
  return Object.fromEntries(
    own.map(([name, value]) => [/^node_filesystem_(\w+)/.exec(name)?.[1] ?? "", value]),
  );
}

test("gives what statfs says of each mount point under the host's root", async () => {
  const driven = await drive(filesystem, smallServer());
  const samples = await driven.read();
  const truth = statfsSync(driven.root);
  const root = metricsOf(samples, "/");
  expect(root["size_bytes"]).toBe(truth.blocks * truth.bsize);
  expect(root["files"]).toBe(truth.files);
  expect(root["readonly"]).toBe(0);
  expect(root["device_error"]).toBe(0);
  // The machine goes on writing between the two calls.
  expect(Math.abs((root["avail_bytes"] ?? 0) - truth.bavail * truth.bsize)).toBeLessThan(2e9);
  expect(Math.abs((root["free_bytes"] ?? 0) - truth.bfree * truth.bsize)).toBeLessThan(2e9);
  expect(metricsOf(samples, "/srv/my data")["readonly"]).toBe(1);
  expect(metricsOf(samples, "/proc")).toEqual({});
  expect([...samples.keys()]).toContain(
    'node_filesystem_size_bytes{device="/dev/mapper/data",fstype="ext4",mountpoint="/srv/my data"}',
  );
});

test("marks a mount point that can't be asked and keeps the others", async () => {
  const samples = await (await drive(filesystem, hostileHost())).read();
  expect(metricsOf(samples, "/gone")).toEqual({ device_error: 1 });
  expect(metricsOf(samples, "/")["device_error"]).toBe(0);
  expect(metricsOf(samples, "/mnt/tab\tand\\slash\nline")).toMatchObject({
    readonly: 1,
    device_error: 0,
  });
});

test("gives a mount point once, by what is mounted uppermost", async () => {
  const driven = await drive(filesystem, hostileHost());
  const samples = await driven.read();
  const twice = driven.series.filter(({ values }) => values[1] === "/twice");
  expect(twice).toHaveLength(7);
  expect(metricsOf(samples, "/twice")["readonly"]).toBe(1);
  const over = driven.series.filter(({ values }) => values[1] === "/over");
  expect(new Set(over.map(({ values }) => values[0]))).toEqual(new Set(["tmpfs"]));
});

test("says changed for a mount that appears, and not for options or containers that do", async () => {
  const driven = await drive(filesystem, smallServer());
  await driven.read();
  const table = String(smallServer()["proc/1/mounts"]);
  driven.change({
    "proc/1/mounts": `${table.replace("/ ext4 rw,", "/ ext4 ro,")}overlay /run/c/1 overlay rw 0 0\n`,
  });
  expect(metricsOf(await driven.read(), "/")["readonly"]).toBe(1);
  expect(driven.changes).toBe(0);
  mkdirSync(join(driven.root, "new"));
  driven.change({ "proc/1/mounts": `${table}/dev/vdb /new xfs rw 0 0\n` });
  expect(metricsOf(await driven.read(), "/new")["device_error"]).toBe(0);
  expect(driven.changes).toBe(1);
  rmSync(join(driven.root, "new"), { recursive: true });
  expect(metricsOf(await driven.read(), "/new")).toEqual({ device_error: 1 });
});

test("falls back to its own mount table where process 1 is hidden", async () => {
  const samples = await (
    await drive(filesystem, { "proc/mounts": "/dev/vda1 / ext4 rw 0 0\n" })
  ).read();
  expect(metricsOf(samples, "/")["device_error"]).toBe(0);
});

test("is absent where there is no mount table", async () => {
  expect(await openOutcome(filesystem, {})).toBe("neither 1/mounts nor mounts is under /proc");
});

test("takes the root's prefix off at a whole name only", () => {
  const table = "a /host ext4 rw 0 0\nb /host/data ext4 rw 0 0\nc /hostile ext4 rw 0 0\n";
  expect(
    parseMounts(table, "/host/", defaultCollectors.options.filesystem).map(
      ({ mountPoint }) => mountPoint,
    ),
  ).toEqual(["/", "/data", "/hostile"]);
  expect(
    parseMounts(table, "/host", defaultCollectors.options.filesystem).map(({ path }) =>
      path.toString(),
    ),
  ).toEqual(["/host/", "/host/data", "/host/hostile"]);
});

test("asks only for memory without a thread, and nothing that lies behind a server", () => {
  const table = [
    "/dev/vda1 / ext4 rw 0 0",
    "tmpfs /run tmpfs rw 0 0",
    "/dev/vdb /data xfs rw 0 0",
    "/dev/vdc /data/fast ext4 rw 0 0",
    "server:/home /home nfs4 rw 0 0",
    "tmpfs /home/scratch tmpfs rw 0 0",
    "gcsfuse /bucket fuse.gcsfuse rw 0 0",
    "/dev/vdd /home/disk xfs rw 0 0",
    "what /ever newfs rw 0 0",
  ].join("\n");
  const classes = parseMounts(table, "/", defaultCollectors.options.filesystem).map(
    ({ mountPoint, inMemory, local }) => [
      mountPoint,
      inMemory ? "memory" : local ? "local" : "afar",
    ],
  );
  expect(Object.fromEntries(classes)).toEqual({
    "/": "memory",
    "/run": "memory",
    "/data": "local",
    "/data/fast": "local",
    "/home": "afar",
    "/home/scratch": "afar",
    "/bucket": "afar",
    "/home/disk": "afar",
    "/ever": "afar",
  });
});
