import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { agentConfigFromFlags } from "../../../agent/config.ts";
import { createAgentOtlp, type OtlpConfig } from "../../../agent/otlp/export.ts";
import { cpu } from "../../../core/catalog/index.ts";
import { createEnv } from "../../../core/kit/env.ts";
import { version } from "../../../core/kit/version.ts";
import type { Frame } from "../../../core/wire/frame.ts";
import { makeFolder } from "../../kit/folder.ts";
import { startOtlpSink } from "../../kit/otlp-sink.ts";
import { quietLog } from "../../kit/rule-bench.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

function configOf(flags: Readonly<Record<string, string>>): OtlpConfig {
  const { otlp } = agentConfigFromFlags(flags, { HOME: "/nowhere" });
  if (!otlp) throw new Error("nothing is sent");
  return otlp;
}

const frame: Frame = {
  schema: {
    origin: { node: "gpu-7", job: "warpwatch", instance: "gpu-7:9410", boot: "b" },
    version: 1,
    groups: [{ source: "loadavg", first: 0, length: 2 }],
    series: [cpu.load1, cpu.load5].map((metric) => ({ metric, values: [], device: null })),
  },
  sequence: 1,
  timestamps: Float64Array.of(5),
  values: Float64Array.of(0.5, Number.NaN),
  present: Uint8Array.of(1),
  complete: true,
};

describe("the agent's OTLP out", () => {
  it("sends what a scrape would show, now, with the host it is of and the headers of its files", async () => {
    const { url, received, close } = await startOtlpSink();
    undo.push(close);
    const folder = makeFolder();
    mkdirSync(join(folder, "etc"));
    writeFileSync(join(folder, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
    writeFileSync(join(folder, "headers"), "# a tenant\nx-tenant: gpu\n\n");
    writeFileSync(join(folder, "token"), "secret\n");
    const otlp = createAgentOtlp({
      config: {
        ...configOf({
          "otlp.endpoint": url,
          "otlp.headers-file": join(folder, "headers"),
          "otlp.token-file": join(folder, "token"),
        }),
        intervalMilliseconds: 5,
      },
      env: createEnv({
        node: "gpu-7",
        paths: { procfs: "/proc", sysfs: "/sys", rootfs: folder },
        variables: { KUBERNETES_SERVICE_HOST: "10.0.0.1" },
        randomId: () => "00000000",
      }),
      log: quietLog,
      instance: "gpu-7:9410",
    });
    undo.push(() => otlp.stop());
    const began = Date.now();
    otlp.start(async () => frame);
    await expect.poll(() => received.length, { interval: 5 }).toBeGreaterThan(1);
    const [first] = received;
    const { headers, resources = [] } = first ?? {};
    expect(headers).toMatchObject({ "x-tenant": "gpu", authorization: "Bearer secret" });
    expect(resources[0]?.attributes.read()).toEqual(
      Object.entries({
        "service.name": "warpwatch-agent",
        "service.version": version,
        "service.instance.id": "gpu-7:9410",
        "host.name": "gpu-7",
        "host.id": "0123456789abcdef0123456789abcdef",
        "k8s.node.name": "gpu-7",
      }).map(([name, value]) => ({ name, value })),
    );
    const [metric, ...others] = resources[0]?.metrics ?? [];
    expect(others).toEqual([]);
    expect(metric).toMatchObject({ name: "node_load1", data: { points: [{ value: 0.5 }] } });
    expect(metric?.data.points[0]?.timeMilliseconds).toBeGreaterThanOrEqual(began - 1);
    await otlp.stop();
    const counted = Object.fromEntries(
      otlp.readings.map((one) => [[one.metric.name, ...one.values].join(" "), one.read()]),
    );
    expect(counted["warpwatch_otlp_export_points_total otlp"]).toBeGreaterThan(0);
    expect(counted["warpwatch_otlp_export_requests_total otlp accepted"]).toBe(
      counted["warpwatch_otlp_export_points_total otlp"],
    );
    expect(counted["warpwatch_otlp_export_points_dropped_total otlp refused"]).toBe(0);
  });

  it("says in one sentence which line of the headers it can't use", () => {
    const folder = makeFolder();
    const file = join(folder, "headers");
    const create = (text: string | null): void => {
      if (text !== null) writeFileSync(file, text);
      const config = configOf({
        "otlp.endpoint": "http://otel:4318",
        "otlp.headers-file": text === null ? "/nowhere/h" : file,
      });
      createAgentOtlp({ config, env: createEnv(), log: quietLog, instance: "i" });
    };
    expect(() => create("a: b\nno header\n")).toThrow(
      `${file}, line 2: write a header as "name: value"`,
    );
    expect(() => create("a: b\u0007\n")).toThrow("line 1");
    expect(() => create(null)).toThrow("the headers in /nowhere/h can't be read (ENOENT)");
  });
});

describe("its flags", () => {
  it("are off without an address, and take the specification's path and packing by themselves", () => {
    expect(agentConfigFromFlags({}, {}).otlp).toBeNull();
    expect(configOf({ "otlp.endpoint": "https://otel:4318" })).toMatchObject({
      intervalMilliseconds: 60_000,
      compression: "gzip",
      url: expect.objectContaining({ href: "https://otel:4318/v1/metrics" }),
    });
  });

  it.each([
    ["otlp.endpoint", "otel:4318", "is not an address"],
    ["otlp.endpoint", "http://user:secret@otel", "is not an address"],
    ["otlp.interval", "100ms", "must be 1s or more"],
    ["otlp.compression", "zstd", "is neither gzip nor none"],
    ["otlp.queue-bytes", "many", "is not a number of bytes"],
  ])("refuse --%s=%s", (flag, value, sentence) => {
    const flags = { "otlp.endpoint": "http://otel:4318", [flag]: value };
    expect(() => configOf(flags)).toThrow(`--${flag}: `);
    expect(() => configOf(flags)).toThrow(sentence);
  });
});
