/**
 * Agent and collector as their manifests start them, on this machine's own address: an API server of ours says where the
 * agent is, both ask for the token, and the kubelet's probes need none.
 */
import { writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { parse, stringify } from "yaml";
import { collectorSettings } from "../../deploy/collector.ts";
import { agentName, agentPort, stateFolder, tokenFile } from "../../deploy/names.ts";
import { renderDeployment } from "../../deploy/all.ts";
import { makeFolder } from "../kit/folder.ts";
import { freePort, startWarpwatch, untilAnswered } from "../kit/programs.ts";
import { startStandInApi, type StandInApi } from "../standins/kubernetes-api.ts";

const token = "0123456789abcdef0123456789abcdef";
const nodeName = "worker-7";
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address;

interface Target {
  readonly node: string;
  readonly state: string;
}

it.runIf(ownAddress !== undefined)(
  "the collector finds the agent's pod, is let in by the token, and knows it by its node",
  async () => {
    const folder = makeFolder();
    const file = join(folder, "token");
    writeFileSync(file, token, { mode: 0o440 });
    const [agent, collector] = [await freePort(), await freePort()];
    const program = startWarpwatch(agentArguments(agent, file, folder));
    onTestFinished(async () => void (await program.stop()));
    await untilAnswered(`http://127.0.0.1:${agent}/-/ready`, program);
    const page = `http://${ownAddress}:${agent}/metrics`;
    expect((await fetch(page)).status).toBe(401);
    expect((await fetch(page, bearer())).status).toBe(200);

    const api = await startApi(agent);
    const settings = join(folder, "collector.yaml");
    writeFileSync(settings, stringify(settingsFor(collector, file, folder, api)));
    const second = startWarpwatch(["collector", `--config.file=${settings}`]);
    onTestFinished(async () => void (await second.stop()));
    await untilAnswered(`http://127.0.0.1:${collector}/-/ready`, second);
    const targets = `http://${ownAddress}:${collector}/api/v1/targets`;
    expect((await fetch(targets)).status).toBe(401);
    const seen = async (): Promise<Target | undefined> => {
      const answer = (await (await fetch(targets, bearer())).json()) as { targets: Target[] };
      return answer.targets[0];
    };
    await expect.poll(seen, { timeout: 20_000 }).toMatchObject({ node: nodeName, state: "up" });
    const verdicts = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${collector}/metrics`)).text();
    await expect
      .poll(verdicts, { timeout: 20_000 })
      .toMatch(/warpwatch_fleet_node_info\{.*node="worker-7".*zone="z1"/);
  },
  60_000,
);

function bearer(): RequestInit {
  return { headers: { authorization: `Bearer ${token}` } };
}

/** The DaemonSet's arguments, with this machine in the place of the host's mounts. */
function agentArguments(port: number, file: string, folder: string): string[] {
  const path = "deploy/kustomize/base/warpwatch-agent.daemonset.yaml";
  const manifest = parse(renderDeployment().get(path) ?? "") as {
    spec: { template: { spec: { containers: { args: string[] }[] } } };
  };
  return (manifest.spec.template.spec.containers[0]?.args ?? []).map((argument) =>
    argument
      .replace(`:${agentPort}`, `:${port}`)
      .replace(tokenFile, file)
      .replace("$(NODE_NAME)", nodeName)
      .replace(stateFolder, join(folder, "agent"))
      .replace("/host/procfs", "/proc")
      .replace("/host/sysfs", "/sys")
      .replace("/host/rootfs", "/"),
  );
}

function settingsFor(port: number, file: string, folder: string, { access }: StandInApi): object {
  const cluster = { api: access.api, account_folder: access.accountFolder };
  return {
    ...collectorSettings,
    listen: `:${port}`,
    state_folder: join(folder, "collector"),
    token_file: file,
    scrape: collectorSettings.scrape.map((job) => ({
      ...job,
      token_file: file,
      kubernetes: { ...job.kubernetes, ...cluster },
    })),
    fleet: { kubernetes: cluster },
  };
}

/** An API server that knows one node and the agent's service on it. */
async function startApi(port: number): Promise<StandInApi> {
  const api = await startStandInApi();
  const labels = { "topology.kubernetes.io/zone": "z1" };
  api.put("nodes", { metadata: { name: nodeName, labels }, spec: {}, status: {} });
  api.put("endpointslices", {
    metadata: {
      name: "agents-1",
      namespace: "watch",
      labels: { "kubernetes.io/service-name": agentName },
    },
    ports: [{ port }],
    endpoints: [{ addresses: [ownAddress], nodeName }],
  });
  return api;
}
