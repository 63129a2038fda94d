/** An agent's samples go by OTLP to a running collector, and from there by OTLP to another receiver. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startOtlpSink, type OtlpSink } from "../kit/otlp-sink.ts";
import { freePort, startWarpwatch, untilAnswered, type Program } from "../kit/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "warpwatch-otlp-"));
let sink: OtlpSink;
let collector: Program;
let agent: Program;
let address = "";

beforeAll(async () => {
  sink = await startOtlpSink();
  address = `http://127.0.0.1:${await freePort()}`;
  const file = join(folder, "collector.yaml");
  writeFileSync(
    file,
    JSON.stringify({
      listen: address.slice("http://".length),
      state_folder: join(folder, "collector"),
      otlp: [{ name: "sink", url: sink.url, interval: "1s" }],
    }),
  );
  collector = startWarpwatch(["collector", `--config.file=${file}`]);
  await untilAnswered(`${address}/-/ready`, collector);
  agent = startWarpwatch([
    "agent",
    `--web.listen-address=127.0.0.1:${await freePort()}`,
    `--state.folder=${join(folder, "agent")}`,
    "--node.name=node-7",
    `--otlp.endpoint=${address}`,
    `--otlp.token-file=${join(folder, "collector", "push-token")}`,
    "--otlp.interval=1s",
  ]);
}, 60_000);

afterAll(async () => {
  await agent.stop();
  await collector.stop();
  sink.close();
  rmSync(folder, { recursive: true, force: true });
});

async function labelsOf(metric: string): Promise<Record<string, string>[]> {
  const headers = {
    authorization: `Bearer ${readFileSync(join(folder, "collector", "token"), "utf8").trim()}`,
  };
  const answer = await fetch(`${address}/api/v1/query?metric=${metric}`, { headers });
  const { series } = (await answer.json()) as { series: { labels: Record<string, string> }[] };
  return series.map(({ labels }) => labels);
}

test("what an agent sends arrives under semantic names and those that have none under their own", async () => {
  await expect
    .poll(() => labelsOf("system_cpu_time_seconds_total"), { timeout: 30_000, interval: 500 })
    .toContainEqual(
      expect.objectContaining({
        job: "warpwatch-agent",
        node: "node-7",
        cpu_logical_number: "0",
        cpu_mode: "user",
      }),
    );
  expect(await labelsOf("node_load1")).toHaveLength(1);
  expect(await labelsOf("target_info")).toEqual([
    expect.objectContaining({ host_name: "node-7", service_version: expect.any(String) }),
  ]);
}, 60_000);

test("what the collector let in goes on to the next receiver, with whose it is", async () => {
  const arrived = (): boolean =>
    sink.received.some(({ resources }) =>
      resources.some(
        ({ attributes, metrics }) =>
          attributes.read()?.some(({ value }) => value === "warpwatch-agent") === true &&
          metrics.some(({ name }) => name === "node_load1"),
      ),
    );
  await expect.poll(arrived, { timeout: 30_000, interval: 200 }).toBe(true);
}, 60_000);
