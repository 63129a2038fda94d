import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openMetric } from "../../core/catalog/metric.ts";
import { createFrameSender } from "../kit/frame-sender.ts";
import { freePort, startWarpwatch, untilAnswered } from "../kit/programs.ts";
import { startPagerDuty } from "../kit/receivers.ts";

const fault = openMetric("test_fault", "gauge", "What the test moves.", ["gpu"]);

test("two GPUs of a node are one incident, acknowledged over the API and closed with the second", async () => {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-incidents-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const pager = await startPagerDuty();
  onTestFinished(() => pager.close());
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const file = join(folder, "collector.yaml");
  const settings = {
    listen: `127.0.0.1:${port}`,
    state_folder: folder,
    own_rules: [
      {
        alert: "Injected",
        metric: fault.name,
        op: ">",
        threshold: 0,
        severity: "critical",
        summary: "GPU {{ gpu }} of {{ node }} is at fault",
      },
    ],
    notifiers: [
      { type: "pagerduty", url: pager.url, routing_key: "k".repeat(32), group_interval: "1s" },
    ],
  };
  writeFileSync(file, JSON.stringify(settings));
  const collector = startWarpwatch(["collector", `--config.file=${file}`]);
  onTestFinished(async () => void (await collector.stop()));
  await untilAnswered(`${address}/-/ready`, collector);
  const sender = createFrameSender({
    node: "node-07",
    address,
    tokenFile: join(folder, "push-token"),
    series: ["0", "1"].map((gpu) => ({ metric: fault, values: [gpu], device: null })),
  });
  onTestFinished(() => sender.close());
  const actions = (): string[] =>
    pager.requests.map(({ body }) => JSON.parse(body).event_action as string);
  async function show(...values: number[]): Promise<void> {
    sender.values.set(values);
    await sender.send();
  }

  await show(1, 0);
  await show(1, 1);
  await pager.until(() => actions().length === 2, 30_000);
  const details = JSON.parse(pager.requests[1]?.body ?? "").payload.custom_details;
  expect(details.alerts).toBe(2);
  expect(details.members.toSorted()).toEqual([
    "critical: GPU 0 of node-07 is at fault",
    "critical: GPU 1 of node-07 is at fault",
  ]);

  const token = readFileSync(join(folder, "token"), "utf8").trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${address}/api/v1/incidents`, { headers });
  const { incidents } = (await response.json()) as {
    incidents: { key: string; memberCount: number }[];
  };
  expect(incidents.map(({ memberCount }) => memberCount)).toEqual([2]);
  const key = incidents[0]?.key ?? "";
  const path = `${address}/api/v1/incidents/${key}/acknowledge`;
  const body = JSON.stringify({ by: "ada", comment: "on it" });
  const answer = await fetch(path, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
  expect((await fetch(path, { method: "POST", body })).status).toBe(401);
  await pager.until(() => actions().includes("acknowledge"), 30_000);

  await show(0, 1);
  await show(0, 0);
  await pager.until(() => actions().at(-1) === "resolve", 30_000);
  expect(pager.incidents).toHaveLength(1);
  expect(pager.incidents[0]?.dedupKey).toBe(key);
}, 120_000);
