/** Renders an Alertmanager configuration (valid for 0.25 and later): who is told of what, and what hides what. */
import { stringify } from "yaml";
import { agentGone, gpuMissing } from "./fleet.ts";
import { gpuXid } from "./gpu.ts";

export interface AlertmanagerOptions {
  /** A file that holds the PagerDuty integration key; the key itself never stands in a configuration. */
  readonly pagerdutyRoutingKeyFile: string;
  /** Another receiver of PagerDuty's Events API v2; PagerDuty itself when left out. */
  readonly pagerdutyUrl?: string;
  /** Takes warnings: a webhook that opens a ticket. */
  readonly ticketWebhookUrl: string;
  /** How often a still firing alert is told again. */
  readonly repeatInterval?: string;
}

/** Alerts of a node that is gone say nothing new; nor do those of a GPU that fell off the bus. */
const inhibitions = [
  { source: agentGone.name, hides: `alertname != "${agentGone.name}"`, equal: ["node"] },
  { source: gpuXid.name, hides: 'component = "gpu"', equal: ["instance", "UUID"] },
  { source: gpuMissing.name, hides: 'component = "gpu"', equal: ["node"] },
] as const;

/** One page per node for what is critical, at once; tickets for warnings, in batches; the rest is kept, not sent. */
export function renderAlertmanager(options: AlertmanagerOptions): string {
  const configuration = {
    route: {
      receiver: "nobody",
      group_by: ["alertname", "cluster", "node", "instance"],
      group_wait: "30s",
      group_interval: "5m",
      repeat_interval: options.repeatInterval ?? "4h",
      routes: [
        {
          receiver: "page",
          matchers: ['severity = "critical"'],
          group_wait: "0s",
          group_interval: "10s",
        },
        { receiver: "ticket", matchers: ['severity = "warning"'] },
      ],
    },
    inhibit_rules: inhibitions.map((rule) => ({
      source_matchers: [`alertname = "${rule.source}"`],
      target_matchers: [rule.hides, `alertname != "${rule.source}"`].filter(
        (matcher, index, all) => all.indexOf(matcher) === index,
      ),
      equal: rule.equal,
    })),
    receivers: [
      { name: "nobody" },
      { name: "page", pagerduty_configs: [pagerduty(options)] },
      {
        name: "ticket",
        webhook_configs: [{ url: options.ticketWebhookUrl, send_resolved: true, max_alerts: 100 }],
      },
    ],
  };
  return `# Generated from alerts/alertmanager.ts by \`npm run generate\`; change the addresses and the key file.\n${stringify(configuration, { lineWidth: 0 })}`;
}

function pagerduty(options: AlertmanagerOptions): Record<string, unknown> {
  return {
    routing_key_file: options.pagerdutyRoutingKeyFile,
    ...(options.pagerdutyUrl === undefined ? {} : { url: options.pagerdutyUrl }),
    send_resolved: true,
    severity: "{{ .CommonLabels.severity }}",
    class: "{{ .CommonLabels.alertname }}",
    component: "{{ .CommonLabels.component }}",
    group: "{{ .CommonLabels.cluster }}",
    source: "{{ or .CommonLabels.node .CommonLabels.instance }}",
    description: "{{ .CommonAnnotations.summary }}",
    links: [{ href: "{{ .CommonAnnotations.runbook_url }}", text: "Runbook" }],
    details: { description: "{{ .CommonAnnotations.description }}" },
  };
}
