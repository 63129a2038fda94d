/** Debian's prometheus-node-exporter, limited to the families that the host sources have and to the newest release's default filters. */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { HostPaths } from "../../core/kit/env.ts";

export interface NodeExporter {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const program = "prometheus-node-exporter";
export const installHint = `apt-get install -y --no-install-recommends ${program}`;

const collectors = [
  "cpu",
  "diskstats",
  "filesystem",
  "loadavg",
  "meminfo",
  "netdev",
  "os",
  "pressure",
  "stat",
  "time",
  "uname",
  "vmstat",
];

/** Debian narrows some filters and 1.5 lacks later additions; these are upstream's of 1.9. */
const filters = [
  "--collector.netdev.device-exclude=^$",
  String.raw`--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`,
  "--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
  "--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$",
];

/** Where the program is, or null. */
export function findNodeExporter(): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin"];
  for (const folder of folders) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}

/** Starts it on a free port of the loopback interface and waits until it answers. */
export async function startNodeExporter(path: string, paths: HostPaths): Promise<NodeExporter> {
  const port = await findFreePort();
  const child = spawn(
    path,
    [
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.disable-exporter-metrics",
      "--collector.disable-defaults",
      ...collectors.map((name) => `--collector.${name}`),
      ...filters,
      "--no-collector.netdev.netlink",
      `--path.procfs=${paths.procfs}`,
      `--path.sysfs=${paths.sysfs}`,
      `--path.rootfs=${paths.rootfs}`,
      `--path.udev.data=${join(paths.rootfs, "run/udev/data")}`,
    ],
    { stdio: "ignore" },
  );
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const url = `http://127.0.0.1:${port}/metrics`;
  const exporter: NodeExporter = {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await answers(url)) return exporter;
    await wait(100);
  }
  await exporter.stop();
  throw new Error(`${program} didn't answer at ${url}`);
}

export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
