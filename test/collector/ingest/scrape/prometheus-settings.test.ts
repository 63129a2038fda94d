import { describe, expect, it } from "vitest";
import { prometheusJobsSchema } from "../../../../collector/ingest/scrape/prometheus-settings.ts";
import { parseConfig } from "../../../../core/kit/config.ts";

const parse = (text: string) => parseConfig(text, "jobs.yaml", prometheusJobsSchema);

it("takes the blocks that people have for dcgm-exporter and node_exporter", () => {
  const [dcgm, node] = parse(`
- job_name: gpu-metrics
  scrape_interval: 1s
  metrics_path: /metrics
  scheme: http
  honor_timestamps: true
  kubernetes_sd_configs:
    - role: endpoints
      namespaces: { names: [gpu-operator] }
  relabel_configs:
    - source_labels: [__meta_kubernetes_endpoints_name]
      action: drop
      regex: .*-node-feature-discovery-master
    - source_labels: [__meta_kubernetes_pod_node_name]
      action: replace
      target_label: kubernetes_node
- job_name: node
  static_configs:
    - targets: ["10.0.0.1:9100"]
      labels: { rack: 7 }
  file_sd_configs:
    - files: [/etc/prometheus/nodes/*.json]
      refresh_interval: 1m
  dns_sd_configs:
    - names: [_node._tcp.example.com]
  basic_auth: { username: prometheus, password_file: /run/secrets/password }
  tls_config: { ca_file: /etc/ca.crt, insecure_skip_verify: false }
  body_size_limit: 10MB
  sample_limit: 5000
  metric_relabel_configs:
    - source_labels: [__name__]
      regex: go_.*
      action: drop
`);
  expect(dcgm).toMatchObject({
    name: "gpu-metrics",
    intervalMilliseconds: 1000,
    timeoutMilliseconds: 1000,
    kubernetes: [{ role: "endpoints", namespaces: ["gpu-operator"], beside: ["services", "pods"] }],
    relabel: [{ action: "drop" }, { action: "replace", targetLabel: "kubernetes_node" }],
  });
  expect(node).toMatchObject({
    intervalMilliseconds: 15_000,
    timeoutMilliseconds: 10_000,
    groups: [{ targets: ["10.0.0.1:9100"], labels: { rack: "7" } }],
    files: ["/etc/prometheus/nodes/*.json"],
    dns: [{ names: ["_node._tcp.example.com"], type: "SRV", refreshMilliseconds: 30_000 }],
    credentials: { kind: "basic", user: "prometheus", secret: { file: "/run/secrets/password" } },
    tls: { authorityFile: "/etc/ca.crt" },
    bodyLimitBytes: 10 * 2 ** 20,
    limits: { samples: 5000 },
    metricRelabel: [{ action: "drop" }],
  });
});

describe("a block that would mean something else here", () => {
  it.each([
    ["scrape_interval: 10m", /:2: 0\.scrape_interval: must be from 1s to 5m/],
    ["scrape_interval: 500ms", /:2: 0\.scrape_interval: must be from 1s to 5m/],
    ["scrape_timeout: 1m", /:2: 0\.scrape_timeout: must not exceed the interval/],
    ["proxy_url: http://proxy", /:2: 0\.proxy_url: is not a setting/],
    ["ec2_sd_configs: []", /:2: 0\.ec2_sd_configs: is not a setting/],
    [
      "kubernetes_sd_configs: [{role: ingress}]",
      /:2: 0\.kubernetes_sd_configs\.0\.role: is one of pod, /,
    ],
    [
      "relabel_configs: [{action: explode}]",
      /:2: 0\.relabel_configs\.0\.action: is one of replace, keep/,
    ],
    [
      "relabel_configs: [{regex: 'a(?=b)', target_label: x}]",
      /regex: "a\(\?=b\)" has a lookahead, which RE2 doesn't know/,
    ],
    ["relabel_configs: [{source_labels: [a]}]", /target_label: replace needs it/],
    ["relabel_configs: [{action: hashmod, target_label: a}]", /modulus: hashmod needs 1 or more/],
    [
      "relabel_configs: [{action: labeldrop, source_labels: [a]}]",
      /source_labels: labeldrop has no use for it/,
    ],
    [
      "relabel_configs: [{action: labelmap, replacement: 'a-$1'}]",
      /replacement: "a-\$1" is not a label's name/,
    ],
    ["basic_auth: {username: a}", /:2: 0\.basic_auth: needs one secret, or one file with it/],
    [
      "{bearer_token: a, basic_auth: {password: b}}",
      /basic_auth: can't stand beside another login/,
    ],
    ["tls_config: {cert_file: a}", /tls_config: needs cert_file and key_file, or neither/],
    ["body_size_limit: 1GB", /body_size_limit: "1GB" is no size from 1KB to 256MB/],
    [
      "static_configs: [{targets: ['a/b']}]",
      /:2: 0\.static_configs\.0\.targets\.0: "a\/b" is not an address/,
    ],
  ])("is refused by its key: %s", (line, sentence) => {
    const text = line.startsWith("{")
      ? `- {job_name: a, ${line.slice(1)}\n`
      : `- job_name: a\n  ${line}\n`;
    expect(() => parse(text)).toThrow(sentence);
  });
});
