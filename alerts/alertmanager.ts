/** Renders an Alertmanager configuration: who is told of what, and what hides what. Its keys are those that 0.25 has and 0.34 still has. */
import { stringify } from "yaml";
import { shippedRules } from "./all.ts";
import { gpuPowerBrake } from "./gpu-faults.ts";
import { inhibitions, named, type LabelMatcher } from "./inhibition.ts";
import { missingSuffix } from "./prometheus.ts";
import { watchdog } from "./prometheus-only.ts";

export interface AlertmanagerOptions {
  /** A file that holds the PagerDuty integration key; the key itself never stands in a configuration. */
  readonly pagerdutyRoutingKeyFile: string;
  /** Another receiver of PagerDuty's Events API v2; PagerDuty itself when left out. */
  readonly pagerdutyUrl?: string;
  /** Takes warnings: a webhook that opens a ticket. */
  readonly ticketWebhookUrl: string;
  /** How often a still firing alert is told again. */
  readonly repeatInterval?: string;
  /** Warnings also go to each team's channel, `#alerts-<team>`: a file with the address of Slack's webhook. */
  readonly slackUrlFile?: string;
  /** And to Microsoft Teams, through an adapter that takes Alertmanager's webhook. */
  readonly teamsAdapterUrl?: string;
  /** Pages also go to Opsgenie: a file with its key. */
  readonly opsgenieKeyFile?: string;
  /** Gets what is `info`, gathered for a day. */
  readonly digestUrl?: string;
  /** Outside of all this: pages when it no longer hears of the Watchdog. */
  readonly deadManUrl?: string;
  /** Told when notifications fail: it must not be the way that fails. */
  readonly secondChannelUrl?: string;
}

const place = ["cluster", "node", "instance"];
const missing = `.+${missingSuffix}`;
/** What a group's alerts have in common. */
const somewhere =
  'or .CommonLabels.node .CommonLabels.instance .CommonLabels.rack .CommonLabels.cluster "several nodes"';
/** Never empty: Opsgenie refuses a message without words. */
const summary = `{{ if .CommonAnnotations.summary }}{{ .CommonAnnotations.summary }}{{ else }}{{ ${somewhere} }}: {{ .Alerts | len }} alerts, {{ (index .Alerts 0).Annotations.summary }}{{ end }}`;

/** What the example under alerts/alertmanager is rendered with. */
export const exampleOptions: AlertmanagerOptions = {
  pagerdutyRoutingKeyFile: "/etc/alertmanager/secrets/pagerduty-routing-key",
  ticketWebhookUrl: "https://tickets.example.com/alertmanager",
  slackUrlFile: "/etc/alertmanager/secrets/slack-webhook-url",
  teamsAdapterUrl: "http://127.0.0.1:8089/v2/alerts",
  opsgenieKeyFile: "/etc/alertmanager/secrets/opsgenie-key",
  digestUrl: "https://tickets.example.com/digest",
  deadManUrl: "https://dead-man.example.com/ping",
  secondChannelUrl: "https://second.example.com/alertmanager",
};

/** A page per node for what is critical, at once; tickets for warnings, in batches; `info` once a day, where there is a place for it. */
export function renderAlertmanager(options: AlertmanagerOptions): string {
  const teams = [...new Set(shippedRules.map(({ team }) => team))].toSorted();
  const configuration = {
    route: {
      receiver: "nobody",
      group_by: place,
      group_wait: "30s",
      group_interval: "5m",
      repeat_interval: options.repeatInterval ?? "4h",
      routes: routesOf(options, teams),
    },
    inhibit_rules: inhibitions.map(({ source, target, equal }) => ({
      source_matchers: source.map(rendered),
      target_matchers: target.map(rendered),
      equal,
    })),
    receivers: [
      { name: "nobody" },
      { name: "page", pagerduty_configs: [pagerduty(options)], ...opsgenie(options) },
      // Its end is no sign of life.
      ...webhook("dead-man-switch", options.deadManUrl, { send_resolved: false }),
      ...webhook("second-channel", options.secondChannelUrl),
      ...webhook("digest", options.digestUrl, { send_resolved: false }),
      ...teams.map((team) => ticketReceiver(team, options)),
    ],
  };
  return `# Generated from alerts/alertmanager.ts by \`npm run generate\`; change the addresses and the secrets' files.\n${stringify(configuration, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

function routesOf(options: AlertmanagerOptions, teams: readonly string[]): object[] {
  const atOnce = { group_wait: "0s", group_interval: "10s" };
  const { deadManUrl, secondChannelUrl, digestUrl } = options;
  return [
    {
      receiver: deadManUrl === undefined ? "nobody" : "dead-man-switch",
      matchers: [rendered(named(watchdog))],
      group_wait: "0s",
      group_interval: "1m",
      repeat_interval: "1m",
    },
    // Never by the way that fails alone.
    ...(secondChannelUrl === undefined
      ? []
      : [
          {
            receiver: "second-channel",
            matchers: ['component = "delivery"', 'severity != "info"'],
            ...atOnce,
            continue: true,
          },
        ]),
    // A matter of the facility: one page for a rack.
    {
      receiver: "page",
      matchers: [rendered(named(gpuPowerBrake))],
      group_by: ["alertname", "cluster", "rack"],
      group_wait: "10s",
      group_interval: "1m",
    },
    { receiver: "page", matchers: ['severity = "critical"'], ...atOnce },
    // A target that falls silent takes the data of many rules along: that is one ticket.
    {
      receiver: ticketOf("infrastructure"),
      matchers: [`alertname =~ "${missing}"`, 'severity = "warning"'],
    },
    ...teams.map((team) => ({
      receiver: ticketOf(team),
      matchers: ['severity = "warning"', `team = "${team}"`],
    })),
    // A team of the user's own.
    { receiver: ticketOf("infrastructure"), matchers: ['severity = "warning"'] },
    ...(digestUrl === undefined
      ? []
      : [
          {
            receiver: "digest",
            matchers: ['severity = "info"'],
            group_by: ["team"],
            group_wait: "15m",
            group_interval: "1d",
            repeat_interval: "7d",
          },
        ]),
  ];
}

function ticketOf(team: string): string {
  return `ticket-${team}`;
}

function ticketReceiver(team: string, options: AlertmanagerOptions): object {
  const { ticketWebhookUrl, teamsAdapterUrl, slackUrlFile } = options;
  const hooks = [ticketWebhookUrl, ...(teamsAdapterUrl === undefined ? [] : [teamsAdapterUrl])];
  return {
    name: ticketOf(team),
    webhook_configs: hooks.map((url) => ({ url, send_resolved: true, max_alerts: 100 })),
    ...(slackUrlFile === undefined ? {} : { slack_configs: [slack(team, slackUrlFile)] }),
  };
}

function webhook(
  name: string,
  url: string | undefined,
  settings: object = { send_resolved: true },
): object[] {
  return url === undefined ? [] : [{ name, webhook_configs: [{ url, ...settings }] }];
}

function slack(team: string, urlFile: string): object {
  return {
    api_url_file: urlFile,
    channel: `#alerts-${team}`,
    send_resolved: true,
    title: `{{ .Status | toUpper }} {{ ${somewhere} }}: {{ .Alerts | len }} alert(s)`,
    text: "{{ range .Alerts }}• {{ .Annotations.summary }} (<{{ .Annotations.runbook_url }}|runbook>)\n{{ end }}",
  };
}

function opsgenie({ opsgenieKeyFile }: AlertmanagerOptions): object {
  if (opsgenieKeyFile === undefined) return {};
  const config = {
    api_key_file: opsgenieKeyFile,
    send_resolved: true,
    message: summary,
    description: "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ end }}",
    priority: "P1",
    tags: "{{ .CommonLabels.component }},{{ .CommonLabels.cluster }}",
  };
  return { opsgenie_configs: [config] };
}

function pagerduty(options: AlertmanagerOptions): Record<string, unknown> {
  return {
    routing_key_file: options.pagerdutyRoutingKeyFile,
    ...(options.pagerdutyUrl === undefined ? {} : { url: options.pagerdutyUrl }),
    send_resolved: true,
    severity: "{{ or .CommonLabels.severity `critical` }}",
    class: "{{ .CommonLabels.alertname }}",
    component: "{{ .CommonLabels.component }}",
    group: "{{ .CommonLabels.cluster }}",
    source: `{{ ${somewhere} }}`,
    description: summary,
    links: [{ href: "{{ (index .Alerts 0).Annotations.runbook_url }}", text: "Runbook" }],
    details: {
      description: "{{ .CommonAnnotations.description }}",
      alerts: "{{ range .Alerts }}{{ .Labels.alertname }}: {{ .Annotations.summary }}\n{{ end }}",
    },
  };
}

function rendered({ label, op, value }: LabelMatcher): string {
  return `${label} ${op} "${value}"`;
}
