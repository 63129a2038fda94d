import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createNotifiers, notifiersSchema } from "../../../collector/notify/config.ts";
import type { Notifier } from "../../../collector/notify/notifier.ts";
import { createStdout } from "../../../collector/notify/stdout.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeAlert, makeNumberedAlert, resolved } from "../../kit/alerts.ts";
import { makeFolder } from "../../kit/folder.ts";
import { destination } from "../../kit/planning.ts";
import { startBench } from "../../suites/notifier-suite.ts";

function makeNotifier(descriptor: number): Notifier {
  const service = createStdout({ name: "stdout", timeoutMilliseconds: 300, descriptor });
  return { ...destination("stdout"), ...service };
}

/** A file, or a named pipe that this test may read or leave. */
function openDescriptor(file: string, flags: string | number): number {
  const descriptor = openSync(file, flags);
  onTestFinished(() => closeSync(descriptor));
  return descriptor;
}

test("writes a line of JSON per notification, in order for each alert", async () => {
  const file = join(makeFolder(), "lines");
  const bench = startBench([makeNotifier(openDescriptor(file, "a"))]);
  bench.notify(...Array.from({ length: 20 }, (_, index) => makeNumberedAlert(index)));
  bench.notify(resolved(makeNumberedAlert(3)));
  await bench.drained("stdout");
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const told = lines.map((line) => JSON.parse(line));
  expect(told).toHaveLength(21);
  expect(
    told.filter(({ labels }) => labels.gpu === "3").map(({ action, version }) => [action, version]),
  ).toEqual([
    ["trigger", 1],
    ["resolve", 1],
  ]);
});

test("a pipe that nobody reads holds up neither the collector nor a later line", async () => {
  const pipe = join(makeFolder(), "pipe");
  spawnSync("mkfifo", [pipe]);
  const reader = openDescriptor(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const bench = startBench([makeNotifier(openDescriptor(pipe, "w"))]);
  const description = "x".repeat(200_000);
  bench.notify(makeAlert({ annotations: { summary: "big", description } }));
  await expect.poll(() => bench.logLines.join(), { timeout: 5000 }).toContain("isn't being read");
  const parts: string[] = [];
  const buffer = Buffer.alloc(65_536);
  function readOn(): number {
    try {
      const length = readSync(reader, buffer);
      parts.push(buffer.toString("utf8", 0, length));
    } catch {
      // Nothing is there at the moment.
    }
    return bench.state.outbox.depth("stdout");
  }
  await expect.poll(readOn, { timeout: 10_000, interval: 5 }).toBe(0);
  readOn();
  const lines = parts.join("").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).annotations.summary)).toContain("big");
});

test("what can't be written is tried again", async () => {
  const bench = startBench([makeNotifier(openDescriptor("/dev/full", "w"))]);
  bench.notify(makeAlert());
  await expect
    .poll(() => bench.logLines.join(), { timeout: 5000 })
    .toContain("standard output can't be written: ENOSPC");
});

test("is told of every severity", () => {
  const [notifier] = createNotifiers(notifiersSchema.parse([{ type: "stdout" }]), {
    clock: createSystemClock(),
    consoleUrl: "",
  });
  const accepted = ["critical", "warning", "info", "page"].filter((severity) =>
    notifier?.accepts(makeAlert({ labels: { severity } })),
  );
  expect(accepted).toEqual(["critical", "warning", "info", "page"]);
});
