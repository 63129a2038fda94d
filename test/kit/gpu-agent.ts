/** The real agent on a node of stand-in GPUs: its pages, its control file, and its processes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildNvmlStandIn } from "../standins/build.ts";
import { createNvmlControl, type NvmlControl } from "../standins/nvml-control.ts";
import type { ProfileName } from "../standins/nvml-profiles.ts";
import { freePort, startProgram, untilAnswered, type Program } from "./programs.ts";
import { repositoryRoot } from "./sources.ts";

export interface GpuAgentOptions {
  readonly flags?: readonly string[];
  /** What stands for `warpwatch agent` on Node's command line; the checkout's own binary if not given. */
  readonly program?: readonly string[];
  /** Another Node.js than this one. */
  readonly node?: string;
}

export interface GpuAgent {
  readonly program: Program;
  readonly control: NvmlControl;
  /** `127.0.0.1:9410`: all that the agent tells. */
  readonly address: string;
  /** Where it serves what dcgm-exporter would. */
  readonly compatAddress: string;
  /** The child process that reads the GPUs; throws where there is none. */
  probe(): number;
}

const checkout = [join(repositoryRoot, "bin/warpwatch.js"), "agent"];

/** What `npm run build` made. */
export const bundledAgent = [
  "-e",
  `import("${join(repositoryRoot, "dist/warpwatch.js")}").then((m) => m.main(process.argv.slice(1)))`,
  "--",
  "agent",
];

/** Resolves when the agent is ready. */
export async function startGpuAgent(
  folder: string,
  gpus: readonly ProfileName[],
  { flags = [], program: start = checkout, node = process.execPath }: GpuAgentOptions = {},
): Promise<GpuAgent> {
  const control = createNvmlControl(folder, gpus);
  const address = `127.0.0.1:${await freePort()}`;
  const compatAddress = `127.0.0.1:${await freePort()}`;
  const program = startProgram(
    node,
    [
      ...start,
      `--web.listen-address=${address}`,
      `--compat.dcgm-exporter=${compatAddress}`,
      `--state.folder=${join(folder, "state")}`,
      ...flags,
    ],
    {
      WARPWATCH_NVML_LIBRARY: buildNvmlStandIn(),
      WARPWATCH_STANDIN_CONTROL: control.path,
    },
  );
  await untilAnswered(`http://${address}/-/ready`, program);
  return {
    program,
    control,
    address,
    compatAddress,
    probe: () => childTitled(program.child.pid ?? 0, "warpwatch-gpu"),
  };
}

/** The child whose title is this, or begins with it. */
export function childTitled(parent: number, title: string): number {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const [, parentText] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(parentText) !== parent) continue;
      if (readFileSync(`/proc/${name}/cmdline`, "latin1").startsWith(title)) return Number(name);
    } catch {
      // It ended between the listing and the reading.
    }
  }
  throw new Error(`process ${parent} has no child that is called ${title}`);
}
