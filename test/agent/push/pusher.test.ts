import { join } from "node:path";
import { systemTls } from "../../../core/kit/tls-files.ts";
import { expect, it, onTestFinished } from "vitest";
import { startPusher } from "../../../agent/push/pusher.ts";
import { defaultCollectorConfig } from "../../../collector/config.ts";
import { startCollector } from "../../../collector/main.ts";
import { createEnv } from "../../../core/kit/env.ts";
import type { WarpwatchEvent } from "../../../core/wire/event.ts";
import { makeFolder } from "../../kit/folder.ts";
import { quietLog } from "../../kit/rule-bench.ts";

it("brings an event to the collector within 200 ms", async () => {
  const env = createEnv({ node: "here" });
  const defaultStateFolder = makeFolder();
  const config = { ...defaultCollectorConfig(), listen: { host: "127.0.0.1", port: 0 } };
  const collector = await startCollector({ env, log: quietLog, config, defaultStateFolder });
  onTestFinished(() => collector.stop());
  const pusher = startPusher({
    config: {
      url: new URL(collector.address),
      tokenFile: join(defaultStateFolder, "push-token"),
      tls: systemTls,
      spoolFolder: join(makeFolder(), "spool"),
      spoolBytes: 1024 * 1024,
    },
    env,
    log: quietLog,
    instance: "node-1:9410",
  });
  onTestFinished(() => pusher.stop());
  const event = (sequence: number): WarpwatchEvent => ({
    node: "node-1",
    boot: "boot",
    sequence,
    timeMilliseconds: env.clock.now(),
    kind: "xid",
    device: "GPU-1",
    text: "XID 48",
    fields: {},
  });
  const headers = { authorization: `Bearer ${collector.token.token}` };
  const arrived = async (): Promise<number> => {
    const answer = await fetch(`${collector.address}/api/v1/events?node=node-1`, { headers });
    return ((await answer.json()) as { events: unknown[] }).events.length;
  };
  const taken: number[] = [];
  for (let sequence = 1; sequence <= 20; sequence += 1) {
    const before = env.clock.monotonic();
    pusher.events.accept(event(sequence));
    while ((await arrived()) < sequence && env.clock.monotonic() - before < 5000);
    taken.push(env.clock.monotonic() - before);
  }
  const sorted = taken.toSorted((one, other) => one - other);
  // The median, since this machine may have other things to do for a moment.
  expect(sorted[10]).toBeLessThan(200);
});
