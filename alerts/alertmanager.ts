/** Renders an Alertmanager configuration (valid for 0.25 and later): who is told of what, and what hides what. */
import { stringify } from "yaml";
import { agentGone, gpuMissing } from "./fleet.ts";
import { gpuXid } from "./gpu.ts";
import { missingSuffix } from "./prometheus.ts";

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

interface Inhibition {
  readonly source: string;
  /** Matchers of what is not told while the source fires. */
  readonly hides: readonly string[];
  /** Labels that both must share. A label that both lack counts as shared: each source here carries all of its own. */
  readonly equal: readonly string[];
}

const place = ["cluster", "node", "instance"];
const missing = `.+${missingSuffix}`;

/** What says nothing new while the cause is told; no critical alert hides another one of another GPU. */
const inhibitions: readonly Inhibition[] = [
  { source: agentGone.name, hides: ['severity != "critical"'], equal: ["node"] },
  { source: gpuMissing.name, hides: [`alertname =~ "Gpu${missing}"`], equal: ["node"] },
  {
    source: gpuXid.name,
    hides: ['component = "gpu"', 'severity != "critical"'],
    equal: ["instance", "UUID"],
  },
];

/** What the example under alerts/alertmanager is rendered with. */
export const exampleOptions: AlertmanagerOptions = {
  pagerdutyRoutingKeyFile: "/etc/alertmanager/secrets/pagerduty-routing-key",
  ticketWebhookUrl: "https://tickets.example.com/alertmanager",
};

/** A page per alert and node for what is critical, at once; tickets for warnings, in batches; `info` is kept, not sent. */
export function renderAlertmanager(options: AlertmanagerOptions): string {
  const configuration = {
    route: {
      receiver: "nobody",
      group_by: ["alertname", ...place],
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
        // A target that falls silent takes the data of many rules along: that is one ticket.
        { receiver: "ticket", matchers: [`alertname =~ "${missing}"`], group_by: place },
        { receiver: "ticket", matchers: ['severity = "warning"'] },
      ],
    },
    inhibit_rules: inhibitions.map(({ source, hides, equal }) => ({
      source_matchers: [`alertname = "${source}"`],
      target_matchers: [...hides, `alertname != "${source}"`],
      equal,
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
