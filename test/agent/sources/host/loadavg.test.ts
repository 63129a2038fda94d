import { expect, test } from "vitest";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const loadavg = sourceNamed("loadavg");

test("gives the three load averages as they are written", async () => {
  const samples = await (await drive(loadavg, smallServer())).read();
  expect(Object.fromEntries(samples)).toEqual({
    node_load1: 0.17,
    node_load5: 1.07,
    node_load15: 12.5,
  });
});

test("keeps the averages that are numbers when others aren't", async () => {
  const samples = await (await drive(loadavg, hostileHost())).read();
  expect(Object.fromEntries(samples)).toEqual({ node_load1: 0.1 });
});

test("gives nothing, and not zero, for an empty file", async () => {
  const driven = await drive(loadavg, { "proc/loadavg": "" });
  expect((await driven.read()).size).toBe(0);
});
