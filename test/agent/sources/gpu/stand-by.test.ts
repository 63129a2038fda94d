import { describe, expect, test } from "vitest";
import { eitherOf, standBy, type Better } from "../../../../agent/sources/gpu/stand-by.ts";
import type { Reader, Source } from "../../../../agent/sources/source.ts";
import { createNvmlControl } from "../../../standins/nvml-control.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { makeNvmlContext } from "./nvml-harness.ts";

function createSubject(): { source: Source; better: { serves: boolean }; readings: string[] } {
  const readings: string[] = [];
  const better = { serves: false };
  const reader: Reader = {
    register: () => undefined,
    read: () => void readings.push("read"),
    close: () => void readings.push("closed"),
  };
  const other: Better = {
    tried: () => Promise.resolve(),
    whyNotNeeded: () => (better.serves ? "another serves" : null),
  };
  const source = { name: "second", metrics: [], sampling: "fast", open: () => reader } as const;
  return { source: standBy(source, other), better, readings };
}

async function open(source: Source) {
  const { context } = makeNvmlContext(createNvmlControl(makeFolder()));
  return source.open(context, AbortSignal.timeout(1000));
}

test("of several better ones each is tried, and one that serves is enough", async () => {
  const tried: string[] = [];
  const betterCalled = (name: string, reason: string | null): Better => ({
    tried: () => Promise.resolve(void tried.push(name)),
    whyNotNeeded: () => reason,
  });
  const both = eitherOf([betterCalled("first", null), betterCalled("second", "second serves")]);
  await both.tried();
  expect(tried).toEqual(["first", "second"]);
  expect(both.whyNotNeeded()).toBe("second serves");
  expect(eitherOf([betterCalled("first", null)]).whyNotNeeded()).toBeNull();
});

describe("a source that stands by", () => {
  test("is absent, with the reason, while a better one serves", async () => {
    const { source, better } = createSubject();
    better.serves = true;
    expect(await open(source)).toEqual({ absent: "another serves" });
  });

  test("gives way when the better one comes to serve, and is opened again when it no longer does", async () => {
    const { source, better, readings } = createSubject();
    const reader = (await open(source)) as Reader;
    const column = new Float64Array(0);
    const { signal } = new AbortController();
    await reader.read(column, signal);
    better.serves = true;
    await reader.read(column, signal);
    await reader.read(column, signal);
    expect(readings).toEqual(["read", "closed"]);
    better.serves = false;
    expect(() => reader.read(column, signal)).toThrow(/opened again/);
  });
});
