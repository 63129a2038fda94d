import { afterAll, beforeAll, expect, test } from "vitest";
import { startWarpwatch } from "../kit/programs.ts";
import type { Incident, PagerDutyReceiver } from "../kit/receivers.ts";
import { hasAlertmanager, startStack, type Stack } from "../kit/stack.ts";

let stack: Stack;

beforeAll(async () => {
  if (!hasAlertmanager)
    throw new Error("prometheus-alertmanager isn't installed: npm run setup installs it");
  stack = await startStack();
});

afterAll(() => stack?.stop());

function find(receiver: PagerDutyReceiver, name: string, part: string): Incident | undefined {
  return receiver.incidents.find(
    (incident) => incident.class === name && incident.component.endsWith(part),
  );
}

/** The incident arrives at both receivers, and after `mend` both see it resolved. */
async function expectPageAndResolve(name: string, part: string, mend: () => void): Promise<void> {
  const receivers = [stack.direct, stack.behindAlertmanager];
  await Promise.all(
    receivers.map((receiver) =>
      receiver.until(() => find(receiver, name, part) !== undefined, 20_000),
    ),
  );
  mend();
  await Promise.all(
    receivers.map((receiver) =>
      receiver.until(() => (find(receiver, name, part)?.resolvedAtMilliseconds ?? 0) > 0, 20_000),
    ),
  );
  for (const receiver of receivers)
    expect(receiver.incidents.filter((one) => one === find(receiver, name, part))).toHaveLength(1);
}

test("a filesystem of this host that is filled reaches both pagers, and its emptying resolves both", async ({
  skip,
}) => {
  const { filesystem } = stack;
  skip(filesystem === null, "this user may not mount a filesystem");
  if (!filesystem) return;
  filesystem.fill();
  await expectPageAndResolve("HostFilesystemFilling", filesystem.mountPoint, () =>
    filesystem.empty(),
  );
}, 120_000);

test("a fault of a synthetic GPU reaches both pagers, and its end resolves both", async () => {
  const inject = startWarpwatch([
    "inject",
    "power_brake",
    "--gpu=3",
    "--duration=4s",
    `--state.folder=${stack.syntheticState}`,
  ]);
  expect(await inject.ended()).toBe(0);
  await expectPageAndResolve("PowerBrakeAtOnce", "3", () => undefined);
}, 120_000);

test("what Alertmanager got from us is valid in its own eyes", async () => {
  const page = await fetch(`${stack.collectorAddress}/metrics`);
  const text = await page.text();
  expect(text).toMatch(
    /warpwatch_notifications_total\{notifier="alertmanager",outcome="accepted"\} [1-9]/,
  );
  expect(text).toMatch(
    /warpwatch_notifications_total\{notifier="alertmanager",outcome="refused"\} 0/,
  );
  expect(text).toContain("warpwatch_dead_letters 0");
});
