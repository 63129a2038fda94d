import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import { exampleOptions, renderAlertmanager } from "../../alerts/alertmanager.ts";
import { inhibitions } from "../../alerts/inhibition.ts";
import { missingAlertOf } from "../../alerts/prometheus.ts";
import type { Rule } from "../../alerts/rule.ts";
import { makeFolder } from "../kit/folder.ts";
import { freePort, hasProgram, startProgram, untilAnswered } from "../kit/programs.ts";
import { startPagerDuty } from "../kit/receivers.ts";

const routingKey = "fedcba9876543210fedcba9876543210";
/** As Debian names it. */
const alertmanagerProgram = "prometheus-alertmanager";

describe("the Alertmanager configuration", () => {
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
    expect(stdout).toContain("8 receivers");
  });

  it("routes every alert by its severity: critical to the page, warning to a ticket, info to nobody", () => {
    const file = join(makeFolder(), "alertmanager.yaml");
    writeFileSync(file, renderAlertmanager(exampleOptions));
    const receiverOf = ({ name, severity, team, component }: Rule): string => {
      if (name === "Watchdog") return "dead-man-switch";
      const usual = { critical: "page", warning: `ticket-${team}`, info: "nobody" }[severity];
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
      if (rule.component !== "delivery")
        expect(route(missingAlertOf(rule), "warning", rule)).toBe("ticket-infrastructure");
    }
  });
});

describe.runIf(hasProgram(alertmanagerProgram))("Alertmanager itself", () => {
  it("pages once for a GPU's XID and stays silent about the same GPU's heat, but not about another's", async () => {
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
    try {
      await untilAnswered(`${base}/-/ready`, program);
      await post(base, [alert("GpuXid", "critical", "GPU-1"), alert("GpuHot", "warning", "GPU-1")]);
      await post(base, [alert("GpuHot", "warning", "GPU-2")]);
      await pager.until(() => pager.incidents.length > 0, 15_000);
      expect(pager.incidents).toHaveLength(1);
      expect(pager.incidents[0]).toMatchObject({ class: "GpuXid", component: "gpu" });
      const answer = await fetch(`${base}/api/v2/alerts`);
      const held = (await answer.json()) as readonly {
        readonly labels: Readonly<Record<string, string>>;
        readonly status: { readonly state: string };
      }[];
      const states = held.map(
        ({ labels, status }) => `${labels["alertname"]} ${labels["UUID"]} ${status.state}`,
      );
      expect(states.toSorted()).toEqual([
        "GpuHot GPU-1 suppressed",
        "GpuHot GPU-2 active",
        "GpuXid GPU-1 active",
      ]);
    } finally {
      await program.stop();
      await pager.close();
    }
  });
});

function alert(alertname: string, severity: string, UUID: string): object {
  return {
    labels: { alertname, severity, UUID, component: "gpu", instance: "node-1:9410" },
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
