/** An agent on a synthetic node that pushes to a collector, both real programs on loopback, and what the collector has kept. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { databaseName } from "../../collector/history/database.ts";
import { freePort, startWarpwatch, untilAnswered, type Program } from "./programs.ts";

export interface PushStack {
  readonly folder: string;
  readonly collectorAddress: string;
  readonly agentAddress: string;
  startCollector(): Promise<Program>;
  startAgent(...flags: readonly string[]): Promise<Program>;
  /** Asks the collector's API as its admin. */
  ask(path: string): Promise<unknown>;
  /** A number on the agent's own page, summed over its labels. */
  agentMetric(name: string): Promise<number>;
  stop(): Promise<void>;
}

export async function createPushStack(): Promise<PushStack> {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-push-"));
  const programs: Program[] = [];
  const ports = { collector: await freePort(), agent: await freePort() };
  const collectorAddress = `http://127.0.0.1:${ports.collector}`;
  const agentAddress = `http://127.0.0.1:${ports.agent}`;
  const state = join(folder, "collector");

  async function start(address: string, args: readonly string[]): Promise<Program> {
    const program = startWarpwatch(args);
    programs.push(program);
    await untilAnswered(`${address}/-/ready`, program);
    return program;
  }

  return {
    folder,
    collectorAddress,
    agentAddress,
    startCollector: () =>
      start(collectorAddress, [
        "collector",
        `--web.listen-address=127.0.0.1:${ports.collector}`,
        `--state.folder=${state}`,
      ]),
    startAgent: (...flags) =>
      start(agentAddress, [
        "agent",
        "--synthetic",
        "--synthetic.gpus=4",
        `--web.listen-address=127.0.0.1:${ports.agent}`,
        `--state.folder=${join(folder, "agent")}`,
        `--push.url=${collectorAddress}`,
        `--push.token-file=${join(state, "push-token")}`,
        ...flags,
      ]),
    async ask(path) {
      const token = readFileSync(join(state, "token"), "utf8").trim();
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${collectorAddress}${path}`, { headers })).json();
    },
    async agentMetric(name) {
      const page = await (await fetch(`${agentAddress}/metrics`)).text();
      const lines = page.split("\n").filter((line) => new RegExp(`^${name}[{ ]`).test(line));
      return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    },
    async stop() {
      await Promise.all(programs.map((program) => program.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The sequences of an agent's frames in the collector's journal, by boot, in rising order; one that is there twice, twice. */
export function storedSequences(folder: string): ReadonlyMap<string, readonly number[]> {
  const file = join(folder, "collector/history", databaseName);
  const sqlite = new DatabaseSync(file, { readOnly: true });
  const rows = sqlite
    .prepare(
      "SELECT c.boot, f.sequence FROM frame f JOIN chain c ON c.id = f.chain WHERE f.closing = 0 AND c.job = 'warpwatch' ORDER BY c.boot, f.sequence",
    )
    .all();
  sqlite.close();
  const found = new Map<string, number[]>();
  for (const row of rows) {
    const boot = String(row["boot"]);
    found.set(boot, [...(found.get(boot) ?? []), Number(row["sequence"])]);
  }
  return found;
}
