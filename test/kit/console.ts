/** A real `warpwatch up --synthetic` with its console, as a user starts it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startWarpwatch, untilAnswered } from "./programs.ts";

export interface Console {
  readonly folder: string;
  readonly address: string;
  readonly token: string;
  /** Resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** `config`: the collector's configuration as YAML, if it has one. */
export async function startConsole(gpus: number, config = ""): Promise<Console> {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-console-"));
  const file = join(folder, "collector.yaml");
  if (config !== "") writeFileSync(file, config);
  const state = join(folder, "state");
  const [metrics, api] = [await freePort(), await freePort()];
  const program = startWarpwatch([
    "up",
    "--synthetic",
    `--synthetic.gpus=${gpus}`,
    `--agent.listen-address=127.0.0.1:${metrics}`,
    `--collector.listen-address=127.0.0.1:${api}`,
    `--state.folder=${state}`,
    ...(config === "" ? [] : [`--config.file=${file}`]),
  ]);
  const address = `http://127.0.0.1:${api}`;
  await untilAnswered(`${address}/-/ready`, program);
  return {
    folder: state,
    address,
    token: readFileSync(join(state, "token"), "utf8").trim(),
    async stop() {
      const code = await program.stop();
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}
