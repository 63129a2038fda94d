import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { collectorSchema } from "../../../collector/config.ts";
import { startCollector } from "../../../collector/main.ts";
import { parseConfig } from "../../../core/kit/config.ts";
import { createEnv } from "../../../core/kit/env.ts";
import { makeFolder } from "../../kit/folder.ts";
import { quietLog } from "../../kit/rule-bench.ts";

const configuration = `
listen: 127.0.0.1:0
own_rules:
  - { alert: QueueLong, metric: queue_length, op: ">", threshold: 5, severity: warning, summary: long }
`;

function gaugeOf(value: number): string {
  const point = { asDouble: value, timeUnixNano: String(BigInt(Date.now()) * 1_000_000n) };
  const metrics = [{ name: "queue.length", gauge: { dataPoints: [point] } }];
  const attributes = [{ key: "service.name", value: { stringValue: "serving" } }];
  const resourceMetrics = [{ resource: { attributes }, scopeMetrics: [{ metrics }] }];
  return JSON.stringify({ resourceMetrics });
}

test("what should be kept and can't be isn't acknowledged, and rules judge it all the same", async () => {
  const folder = makeFolder();
  const state = join(folder, "state");
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(join(state, "token"), "t".repeat(64), { mode: 0o600 });
  writeFileSync(join(state, "history"), "not a folder");
  const collector = await startCollector({
    env: createEnv({ node: "here" }),
    log: quietLog,
    config: parseConfig(configuration, "c.yaml", collectorSchema),
    defaultStateFolder: state,
  });
  onTestFinished(() => collector.stop());
  const response = await fetch(`${collector.address}/v1/metrics`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${collector.pushToken.token}`,
      "content-type": "application/json",
    },
    body: gaugeOf(9),
  });
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("nothing is kept");
  expect(collector.alerts().map(({ rule }) => rule)).toContain("QueueLong");
});
