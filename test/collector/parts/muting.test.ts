import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { collectorSchema } from "../../../collector/config.ts";
import { startCollector, type Collector } from "../../../collector/main.ts";
import { gpu } from "../../../core/catalog/index.ts";
import { parseConfig } from "../../../core/kit/config.ts";
import { createEnv } from "../../../core/kit/env.ts";
import { makeFolder } from "../../kit/folder.ts";
import { startWebhook } from "../../kit/receivers.ts";
import { createFrameMaker, quietLog, type Sample } from "../../kit/rule-bench.ts";

const env = createEnv({ node: "here" });
const patience = 20_000;

interface Stage {
  readonly collector: Collector;
  /** What the webhook got. */
  readonly told: () => string[];
  /** A GPU of node-1 is so hot now. */
  readonly heat: (celsius: number) => void;
  readonly call: (
    path: string,
    method?: string,
    body?: object,
  ) => Promise<{ status: number; body: unknown }>;
  readonly audit: (kind?: string) => Promise<z.infer<typeof logSchema>["entries"]>;
}

const logSchema = z.object({
  entries: z.array(
    z.object({
      kind: z.string(),
      actor: z.string(),
      subject: z.string(),
      details: z.record(z.string(), z.unknown()),
    }),
  ),
});
const toldSchema = z.object({ action: z.string() });

async function start(yaml = ""): Promise<Stage> {
  const receiver = await startWebhook();
  const collector = await startCollector({
    env,
    log: quietLog,
    config: parseConfig(
      `listen: 127.0.0.1:0\nrules: {GpuHot: {for: 0s}}\nnotifiers: [{type: webhook, url: "${receiver.url}"}]\n${yaml}`,
      "c.yaml",
      collectorSchema,
    ),
    defaultStateFolder: makeFolder(),
  });
  onTestFinished(async () => {
    await collector.stop();
    await receiver.close();
  });
  const make = createFrameMaker();
  const labels = {
    gpu: "0",
    UUID: "GPU-1",
    pci_bus_id: "x",
    device: "nvidia0",
    modelName: "H100",
    Hostname: "node-1",
  };
  const sample = (value: number): Sample => ({ metric: gpu.temperature, labels, value });
  const call: Stage["call"] = async (path, method = "GET", body) => {
    const response = await fetch(`${collector.address}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${collector.token.token}`,
        ...(body ? { "content-type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };
  return {
    collector,
    told: () => receiver.requests.map(({ body }) => toldSchema.parse(JSON.parse(body)).action),
    heat: (celsius) => collector.frameSink.accept(make(env.clock.now(), [sample(celsius)])),
    call,
    audit: async (kind = "") =>
      logSchema.parse((await call(`/api/v1/audit?limit=1000&kind=${kind}`)).body).entries,
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

describe("the collector's muting", () => {
  test("nobody is told of a silenced alert, until the silence ends before the alert does", async () => {
    const { told, heat, call } = await start();
    const made = await call("/api/v2/silences", "POST", {
      matchers: [{ name: "alertname", value: "Gpu.*", isRegex: true, isEqual: true }],
      startsAt: new Date(env.clock.now()).toISOString(),
      endsAt: new Date(env.clock.now() + 3_600_000).toISOString(),
      createdBy: "ada",
      comment: "fan swap",
    });
    const { silenceID } = z.object({ silenceID: z.string() }).parse(made.body);
    heat(90);
    await pause(2500);
    expect(told()).toEqual([]);
    expect((await call("/api/v2/alerts")).body).toMatchObject([
      {
        labels: { alertname: "GpuHot" },
        status: { state: "suppressed", silencedBy: [silenceID], inhibitedBy: [], mutedBy: [] },
      },
    ]);
    expect((await call("/api/v2/alerts?silenced=false")).body).toEqual([]);
    expect((await call("/api/v1/overview")).body).toMatchObject({
      alerts: expect.arrayContaining([
        expect.objectContaining({
          rule: "GpuHot",
          muted: [expect.objectContaining({ kind: "silence", by: "ada", comment: "fan swap" })],
          told: false,
        }),
      ]),
      silences: [{ id: silenceID, state: "active", alerts: 1 }],
    });
    expect((await call(`/api/v2/silence/${silenceID}?by=bob`, "DELETE")).status).toBe(200);
    await vi.waitFor(() => expect(told()).toEqual(["trigger"]), patience);
    expect((await call(`/api/v2/silence/${silenceID}?by=bob`, "DELETE")).status).toBe(404);
  });

  test("nobody is told of an alert that a maintenance window covers", async () => {
    const { told, heat, call } = await start(
      `maintenance: [{name: patching, cron: "* * * * *", duration: 5m, match: {node: node-1}}]`,
    );
    heat(90);
    await pause(2500);
    expect(told()).toEqual([]);
    expect((await call("/api/v1/overview")).body).toMatchObject({
      alerts: expect.arrayContaining([
        expect.objectContaining({
          rule: "GpuHot",
          muted: [expect.objectContaining({ kind: "maintenance", id: "patching" })],
        }),
      ]),
      maintenance: [{ name: "patching", openUntilMilliseconds: expect.any(Number) }],
    });
  });

  test("the audit log tells of alerts, notifications and removals in their order, and verifies", async () => {
    const { told, heat, call, audit } = await start();
    heat(90);
    await vi.waitFor(() => expect(told()).toEqual(["trigger"]), patience);
    await pause(5);
    heat(70);
    await vi.waitFor(() => expect(told()).toEqual(["trigger", "resolve"]), patience);
    const removal = { node: "node-1", device: "GPU-1", by: "ada" };
    expect((await call("/api/v1/removals", "POST", removal)).status).toBe(201);
    const cancel = (by: string) =>
      call(`/api/v1/removals?node=node-1&device=GPU-1&by=${by}`, "DELETE");
    expect((await cancel("bob")).status).toBe(200);
    expect((await cancel("eve")).status).toBe(404);
    await vi.waitFor(async () => expect(await audit("notification")).toHaveLength(2), patience);
    const lines = (await audit()).map(({ kind, actor, details }) =>
      [kind, actor, details["action"] ?? details["state"], details["outcome"] ?? ""]
        .join(" ")
        .trim(),
    );
    expect(lines.filter((line) => !line.startsWith("notification")).toReversed()).toEqual([
      "action collector started",
      "alert collector firing",
      "alert collector resolved",
      "action ada removal planned",
      "action bob removal cancelled",
    ]);
    expect(lines).toEqual(
      expect.arrayContaining([
        "notification collector trigger accepted",
        "notification collector resolve accepted",
      ]),
    );
    expect((await call("/api/v1/audit/verify")).body).toMatchObject({ ok: true, complaint: "" });
    for (const bad of ["since=yesterday", "kind=x", "limit=0", "limit=1001", "before=x"])
      expect((await call(`/api/v1/audit?${bad}`)).status).toBe(400);
    expect((await call("/api/v1/audit/verify?head=1")).status).toBe(400);
  });
});
