import { expect, test } from "vitest";
import { mountstatsSource } from "../../../../agent/sources/host/mountstats.ts";
import { drive, openOutcome } from "./drive.ts";

const nfs = (
  point: string,
  transport = "tcp 795 1 2 0 11 640 641 4 99 12 24 26 57",
  operations = "",
) => `device 10.0.0.7:/data mounted on ${point} with fstype nfs4 statvers=1.1
	opts:	rw,vers=4.2,proto=tcp
	age:	120
	events:	${Array.from({ length: 27 }, (_, index) => index + 1).join(" ")}
	bytes:	100 200 0 0 300 400 5 6
	RPC iostats version: 1.1  p/v: 100003/4 (nfs)
	xprt:	${transport}
	per-op statistics
	        NULL: 1 1 0 44 24 0 1500 2500 0
	       WRITE: 7 8 9 1000 2000 3000 4000 5000 1
${operations}
`;
const info = (point: string): string =>
  `36 35 0:52 / ${point} rw,relatime shared:1 - nfs4 10.0.0.7:/data rw,vers=4.2,clientaddr=10.0.0.9,addr=10.0.0.7\n`;
const plain = "device proc mounted on /proc with fstype proc\n";
const host = (statistics: string, table: string) => ({
  "proc/self/mountstats": statistics,
  "proc/self/mountinfo": table,
});
const labels = 'export="10.0.0.7:/data",mountaddr="10.0.0.7"';

test("tells age, bytes, events, operations and connections of a mount", async () => {
  const driven = await drive(mountstatsSource, host(plain + nfs("/data"), info("/data")));
  const samples = await driven.read();
  const of = (name: string, more = ""): number | undefined =>
    samples.get(
      `node_mountstats_nfs_${name}{${[...labels.split(","), 'protocol="tcp"', ...(more === "" ? [] : [more])].toSorted().join(",")}}`,
    );
  expect(of("mountpoint_info", 'mountpoint="/data"')).toBe(1);
  expect(of("age_seconds_total")).toBe(120);
  expect(of("read_bytes_total")).toBe(100);
  expect(of("write_pages_total")).toBe(6);
  expect(of("event_inode_revalidate_total")).toBe(1);
  expect(of("event_truncation_total")).toBe(20);
  expect(of("event_pnfs_write_total")).toBe(27);
  expect(of("operations_major_timeouts_total", 'operation="WRITE"')).toBe(9);
  expect(of("operations_request_time_seconds_total", 'operation="WRITE"')).toBe(5);
  expect(of("transport_idle_time_seconds", 'transport="0"')).toBe(11);
  expect(of("transport_pending_queue_total", 'transport="0"')).toBe(57);
  expect(samples.size).toBe(1 + 1 + 8 + 26 + 2 * 8 + 10);
});

test("a connection by UDP has no columns about connecting, an older kernel none about queues", async () => {
  const udp = nfs("/data", "udp 795 1 640 641 4 99 12");
  const samples = await (await drive(mountstatsSource, host(udp, info("/data")))).read();
  const of = (name: string): number | undefined =>
    samples.get(
      `node_mountstats_nfs_transport_${name}{export="10.0.0.7:/data",mountaddr="10.0.0.7",protocol="udp",transport="0"}`,
    );
  expect([
    of("bind_total"),
    of("connect_total"),
    of("sends_total"),
    of("backlog_queue_total"),
  ]).toEqual([1, 0, 640, 12]);
  expect(of("maximum_rpc_slots")).toBe(0);
});

test("what is mounted at two points has its numbers told once, and both points", async () => {
  const driven = await drive(
    mountstatsSource,
    host(nfs("/data") + nfs("/again"), info("/data") + info("/again")),
  );
  const names = [...(await driven.read()).keys()];
  expect(names.filter((name) => name.includes("mountpoint_info"))).toHaveLength(2);
  expect(names.filter((name) => name.includes("age_seconds"))).toHaveLength(1);
  expect(driven.changes).toBe(0);
});

test("lines that are cut short or no numbers leave their own series out", async () => {
  const broken = nfs("/data").replace("100 200 0 0", "100 x").replace("age:\t120", "age:");
  const samples = await (await drive(mountstatsSource, host(broken, info("/data")))).read();
  const names = [...samples.keys()];
  expect(names.some((name) => name.includes("nfs_read_bytes"))).toBe(true);
  expect(names.some((name) => name.includes("nfs_write_bytes"))).toBe(false);
  expect(names.some((name) => name.includes("event_"))).toBe(true);
});

test("a mount that comes is told with the next reading", async () => {
  const driven = await drive(mountstatsSource, host(nfs("/data"), info("/data")));
  const { size } = await driven.read();
  const other = nfs("/more").replace("10.0.0.7", "10.0.0.8");
  driven.change(host(nfs("/data") + other, info("/data") + info("/more")));
  expect((await driven.read()).size).toBe(2 * size);
  expect(driven.changes).toBe(1);
});

test("is absent where nothing is mounted by NFS", async () => {
  expect(await openOutcome(mountstatsSource, host(plain, ""))).toMatch(/tells of no NFS mount/);
});

test("is absent where neither table is", async () => {
  expect(await openOutcome(mountstatsSource, {})).toMatch(/neither 1\/mountstats/);
});
