import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { allRules } from "../../alerts/all.ts";
import { exampleOptions, renderAlertmanager } from "../../alerts/alertmanager.ts";
import { inhibitions } from "../../alerts/inhibition.ts";
import { missingAlertOf } from "../../alerts/prometheus.ts";
import type { Rule } from "../../alerts/rule.ts";
import { makeFolder } from "../kit/folder.ts";
import { freePort, hasProgram, startProgram, untilAnswered } from "../kit/programs.ts";
import { startPagerDuty } from "../kit/receivers.ts";

const routingKey = "fedcba9876543210fedcba9876543210";
/** From config/ and notify/ of Alertmanager's sources: what 0.25 reads, without `match`, `source_match` and their like. */
const lastingKeys = {
  configuration: ["route", "inhibit_rules", "receivers"],
  route:
    "receiver matchers group_by group_wait group_interval repeat_interval continue routes".split(
      " ",
    ),
  inhibit_rules: ["source_matchers", "target_matchers", "equal"],
  receivers: "name pagerduty_configs opsgenie_configs webhook_configs slack_configs".split(" "),
  pagerduty_configs:
    "routing_key_file send_resolved severity class component group source description links details".split(
      " ",
    ),
  opsgenie_configs: "api_key_file send_resolved message description priority tags".split(" "),
  webhook_configs: ["url", "send_resolved", "max_alerts"],
  slack_configs: "api_url_file channel send_resolved title text".split(" "),
};
/** As Debian names it. */
const alertmanagerProgram = "prometheus-alertmanager";

describe("the Alertmanager configuration", () => {
  it("has only keys that Alertmanager 0.25 and 0.34 both know, and none that is to go", () => {
    const configuration = parse(renderAlertmanager(exampleOptions)) as Record<string, unknown>;
    const unknown: string[] = [];
    const check = (kind: keyof typeof lastingKeys, value: unknown): void => {
      for (const entry of [value].flat() as Record<string, unknown>[])
        for (const [key, inner] of Object.entries(entry)) {
          if (!lastingKeys[kind].includes(key)) unknown.push(`${kind}: ${key}`);
          const below = key === "routes" ? "route" : key;
          if (Object.hasOwn(lastingKeys, below)) check(below as keyof typeof lastingKeys, inner);
        }
    };
    check("configuration", configuration);
    expect(unknown).toEqual([]);
  });

  it("holds no PagerDuty key, only the file that has it", () => {
    const text = renderAlertmanager(exampleOptions);
    expect(text).toContain("routing_key_file: /etc/alertmanager/secrets/pagerduty-routing-key");
    expect(text).not.toMatch(/(routing|service)_key:/);
  });
});

describe.runIf(hasProgram("amtool"))("amtool", () => {
  it("accepts the configuration", () => {
    const file = join(makeFolder(), "alertmanager.yaml");
    writeFileSync(file, renderAlertmanager(exampleOptions));
    const { status, stdout, stderr } = amtool("check-config", file);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain("SUCCESS");
    expect(stdout).toContain(`${inhibitions.length} inhibit rules`);
    expect(stdout).toContain("9 receivers");
  });

  it("routes every alert by its severity: critical to the page, warning to a ticket, info to the digest", () => {
    const file = join(makeFolder(), "alertmanager.yaml");
    writeFileSync(file, renderAlertmanager(exampleOptions));
    const receiverOf = ({ name, severity, team, component }: Rule): string => {
      if (name === "Watchdog") return "dead-man-switch";
      const usual = { critical: "page", warning: `ticket-${team}`, info: "digest" }[severity];
      return component === "delivery" && severity !== "info" ? `second-channel,${usual}` : usual;
    };
    const route = (alertname: string, severity: string, { team, component }: Rule): string =>
      amtool(
        "config",
        "routes",
        "test",
        `--config.file=${file}`,
        `alertname=${alertname}`,
        `severity=${severity}`,
        `team=${team}`,
        `component=${component}`,
        "instance=node-1:9410",
      ).stdout.trim();
    for (const rule of allRules) {
      expect(route(rule.name, rule.severity, rule), rule.name).toBe(receiverOf(rule));
    }
    for (const team of new Set(allRules.map((rule) => rule.team))) {
      const rule = allRules.find((one) => one.team === team && one.component !== "delivery");
      if (rule) expect(route(missingAlertOf(rule), "warning", rule)).toBe("ticket-infrastructure");
    }
  });
});

describe.runIf(hasProgram(alertmanagerProgram))("Alertmanager itself", () => {
  it("pages once for a GPU's XID and stays silent about the same GPU's heat, but not about another's", async () => {
    const { pager, post, states, stop } = await startAlertmanager();
    try {
      await post(alert("GpuXid", "critical", "GPU-1"), alert("GpuHot", "warning", "GPU-1"));
      await post(alert("GpuHot", "warning", "GPU-2"));
      await pager.until(() => pager.incidents.length > 0, 15_000);
      expect(pager.incidents).toHaveLength(1);
      expect(pager.incidents[0]).toMatchObject({ class: "GpuXid", component: "gpu" });
      expect(await states()).toEqual([
        "GpuHot GPU-1 suppressed",
        "GpuHot GPU-2 active",
        "GpuXid GPU-1 active",
      ]);
    } finally {
      await stop();
    }
  });

  it("pages once for a lost node, hides its GPUs, and goes on about other nodes and about telling people", async () => {
    const { pager, post, states, stop } = await startAlertmanager();
    const at = (node: string) => ({ node, instance: `${node}:9410` });
    try {
      await post(alert("NodeLost", "critical", "", { node: "node-1", component: "fleet" }));
      await pager.until(() => pager.incidents.length > 0, 15_000);
      await post(
        alert("GpuXid", "critical", "GPU-1", at("node-1")),
        alert("GpuXid", "critical", "GPU-2", at("node-2")),
        alert("GpuLost", "critical", "GPU-3", at("node-3")),
        alert("GpuThermalSlowdown", "critical", "GPU-3", at("node-3")),
        alert("GpuDriverUnresponsive", "critical", "", at("node-4")),
        alert("AgentSourceDown", "warning", "", { ...at("node-4"), component: "agent" }),
        alert("NotificationsWaiting", "critical", "", { ...at("node-1"), component: "delivery" }),
      );
      await pager.until(() => pager.incidents.length >= 4, 15_000);
      expect(await states()).toEqual([
        "AgentSourceDown  suppressed",
        "GpuDriverUnresponsive  active",
        "GpuLost GPU-3 active",
        "GpuThermalSlowdown GPU-3 suppressed",
        "GpuXid GPU-1 suppressed",
        "GpuXid GPU-2 active",
        "NodeLost  active",
        "NotificationsWaiting  active",
      ]);
    } finally {
      await stop();
    }
  });
});

async function startAlertmanager() {
  const pager = await startPagerDuty();
  const folder = makeFolder();
  writeFileSync(join(folder, "key"), `${routingKey}\n`);
  writeFileSync(
    join(folder, "alertmanager.yaml"),
    renderAlertmanager({
      pagerdutyRoutingKeyFile: join(folder, "key"),
      pagerdutyUrl: pager.url,
      ticketWebhookUrl: "http://127.0.0.1:9/none",
    }),
  );
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const program = startProgram(alertmanagerProgram, [
    `--config.file=${join(folder, "alertmanager.yaml")}`,
    `--storage.path=${folder}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--cluster.listen-address=",
  ]);
  await untilAnswered(`${base}/-/ready`, program);
  return {
    pager,
    post: (...alerts: readonly object[]) => post(base, alerts),
    states: async (): Promise<string[]> => {
      const answer = await fetch(`${base}/api/v2/alerts`);
      const held = (await answer.json()) as readonly {
        readonly labels: Readonly<Record<string, string>>;
        readonly status: { readonly state: string };
      }[];
      return held
        .map(
          ({ labels, status }) => `${labels["alertname"]} ${labels["UUID"] ?? ""} ${status.state}`,
        )
        .toSorted();
    },
    stop: async (): Promise<void> => {
      await program.stop();
      await pager.close();
    },
  };
}

function alert(alertname: string, severity: string, UUID: string, labels: object = {}): object {
  const own = UUID === "" ? {} : { UUID };
  return {
    labels: {
      alertname,
      severity,
      component: "gpu",
      instance: "node-1:9410",
      ...own,
      ...labels,
    },
    annotations: { summary: `${alertname} of ${UUID}`, runbook_url: "https://example.com/runbook" },
  };
}

async function post(base: string, alerts: readonly object[]): Promise<void> {
  const answer = await fetch(`${base}/api/v2/alerts`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(alerts),
  });
  expect(answer.status).toBe(200);
}

function amtool(...args: readonly string[]) {
  return spawnSync("amtool", args, { encoding: "utf8" });
}
