/**
 * The whole line from a machine to a pager, of real programs: an agent on this host, an agent on a synthetic node, a collector
 * that scrapes both, Debian's Alertmanager; and two receivers, one behind the Alertmanager and one that the collector tells.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  freePort,
  hasProgram,
  startProgram,
  startWarpwatch,
  untilAnswered,
  type Program,
} from "./programs.ts";
import { startPagerDuty, type PagerDutyReceiver } from "./receivers.ts";
import { mountSmallFilesystem, type SmallFilesystem } from "./small-filesystem.ts";

export interface Stack {
  readonly direct: PagerDutyReceiver;
  readonly behindAlertmanager: PagerDutyReceiver;
  /** Null where this user may not mount. */
  readonly filesystem: SmallFilesystem | null;
  /** State folder of the agent on the synthetic node: where its control socket is. */
  readonly syntheticState: string;
  readonly collectorAddress: string;
  stop(): Promise<void>;
}

/** As Debian names it. */
const alertmanagerProgram = "prometheus-alertmanager";
const routingKey = "0123456789abcdef0123456789abcdef";

export const hasAlertmanager = hasProgram(alertmanagerProgram);

export async function startStack(): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-e2e-"));
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const direct = await startPagerDuty();
    undo.push(() => direct.close());
    const behindAlertmanager = await startPagerDuty();
    undo.push(() => behindAlertmanager.close());
    const filesystem = mountSmallFilesystem(join(folder, "small"));
    undo.push(() => filesystem?.unmount());
    const run = async (url: string, program: Program): Promise<void> => {
      undo.push(() => program.stop());
      await untilAnswered(url, program);
    };
    const [alertmanager = 0, host = 0, synthetic = 0, collector = 0] = await findFreePorts(4);
    const syntheticState = join(folder, "synthetic");
    await Promise.all([
      run(
        `http://127.0.0.1:${alertmanager}/-/ready`,
        startAlertmanager(folder, alertmanager, behindAlertmanager.url),
      ),
      run(
        `http://127.0.0.1:${host}/-/ready`,
        startAgent(host, join(folder, "host"), "--node.name=this-host"),
      ),
      run(
        `http://127.0.0.1:${synthetic}/-/ready`,
        startAgent(synthetic, syntheticState, "--synthetic"),
      ),
    ]);
    const settings = collectorSettings({
      collector,
      alertmanager,
      targets: [host, synthetic],
      directUrl: direct.url,
      folder,
    });
    const file = join(folder, "collector.yaml");
    writeFileSync(file, settings);
    await run(
      `http://127.0.0.1:${collector}/-/ready`,
      startWarpwatch(["collector", `--config.file=${file}`]),
    );
    const collectorAddress = `http://127.0.0.1:${collector}`;
    return { direct, behindAlertmanager, filesystem, syntheticState, collectorAddress, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function findFreePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, () => freePort()));
}

function startAgent(port: number, state: string, ...flags: readonly string[]): Program {
  return startWarpwatch([
    "agent",
    `--web.listen-address=127.0.0.1:${port}`,
    `--state.folder=${state}`,
    ...flags,
  ]);
}

/** Every alert is a group of its own and goes out at once: what is measured is the path, not a wish to wait. */
function startAlertmanager(folder: string, port: number, pagerUrl: string): Program {
  const file = join(folder, "alertmanager.yml");
  writeFileSync(
    file,
    `route:
  receiver: pager
  group_by: ["..."]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: pager
    pagerduty_configs:
      - routing_key: ${routingKey}
        url: ${pagerUrl}
        send_resolved: true
        severity: "{{ .CommonLabels.severity }}"
        class: "{{ .CommonLabels.alertname }}"
        component: "{{ .CommonLabels.mountpoint }}{{ .CommonLabels.gpu }}"
`,
  );
  return startProgram(alertmanagerProgram, [
    `--config.file=${file}`,
    `--storage.path=${join(folder, "alertmanager")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--cluster.listen-address=",
  ]);
}

function collectorSettings(given: {
  readonly collector: number;
  readonly alertmanager: number;
  readonly targets: readonly number[];
  readonly directUrl: string;
  readonly folder: string;
}): string {
  return JSON.stringify({
    listen: `127.0.0.1:${given.collector}`,
    state_folder: join(given.folder, "collector"),
    scrape: [
      {
        job: "warpwatch",
        interval: "1s",
        targets: given.targets.map((port) => `127.0.0.1:${port}`),
      },
    ],
    rules: { HostFilesystemFilling: { for: "0", severity: "critical" } },
    own_rules: [
      {
        alert: "PowerBrakeAtOnce",
        metric: "warpwatch_gpu_throttle_active",
        labels: { reason: "hw_power_brake_slowdown" },
        op: ">",
        threshold: 0,
        severity: "critical",
        summary: "the power brake of GPU {{ gpu }} on {{ node }} is on",
      },
    ],
    notifiers: [
      { type: "pagerduty", url: given.directUrl, routing_key: routingKey, group_by: ["..."] },
      { type: "alertmanager", urls: [`http://127.0.0.1:${given.alertmanager}`] },
    ],
  });
}
