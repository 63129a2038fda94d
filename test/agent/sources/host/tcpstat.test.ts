import { expect, test } from "vitest";
import { tcpstatSource } from "../../../../agent/sources/host/tcpstat.ts";
import { drive, openOutcome } from "./drive.ts";

const heading =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const socket = (state: string, send: string, receive: string, address = "0100007F"): string =>
  `   0: ${address}:1F90 ${address}:A1B2 ${state} ${send}:${receive} 00:00000000 00000000  1000        0 1 1 0 100 0\n`;
const tcp = (...lines: string[]): string => heading + lines.join("");
const states = (samples: Map<string, number>) =>
  Object.fromEntries(
    [...samples].map(([name, value]) => [/state="(.*)"/.exec(name)?.[1] ?? name, value]),
  );

test("counts sockets of both address families by state, and adds their queues up", async () => {
  const host = await drive(tcpstatSource, {
    "proc/net/tcp": tcp(
      socket("01", "00000010", "00000002"),
      socket("01", "00000000", "00000000"),
      socket("0A", "00000000", "0000000F"),
    ),
    "proc/net/tcp6": tcp(socket("06", "00000001", "00000000", "0".repeat(32))),
  });
  expect(states(await host.read())).toEqual({
    established: 2,
    listen: 1,
    time_wait: 1,
    tx_queued_bytes: 17,
    rx_queued_bytes: 17,
  });
});

test("reads a table far larger than what it holds at once", async () => {
  const lines = Array.from({ length: 5000 }, () => socket("08", "00000001", "00000000"));
  const host = await drive(tcpstatSource, { "proc/net/tcp": tcp(...lines) });
  expect(states(await host.read())).toEqual({
    close_wait: 5000,
    tx_queued_bytes: 5000,
    rx_queued_bytes: 0,
  });
});

test("passes over lines that are no sockets", async () => {
  const host = await drive(tcpstatSource, {
    "proc/net/tcp": `${heading}:::\n\0\0\n   1: xyz\n${socket("01", "0000000G", "00000000")}${socket("01", "00000000", "00000000")}   2: 0100`,
  });
  expect(states(await host.read())).toEqual({
    established: 1,
    tx_queued_bytes: 0,
    rx_queued_bytes: 0,
  });
});

test("a line without an end fails the round, not the agent", async () => {
  const host = await drive(tcpstatSource, { "proc/net/tcp": "x".repeat(200_000) });
  await expect(host.read()).rejects.toThrow("has a line of 65536 bytes");
});

test("is absent where neither table is", async () => {
  expect(await openOutcome(tcpstatSource, {})).toMatch(/net\/tcp6 aren't there/);
});
