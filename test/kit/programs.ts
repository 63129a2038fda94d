/** Real programs under test: started as a user would, awaited until ready, and always stopped. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { repositoryRoot } from "./sources.ts";

export interface Program {
  readonly child: ChildProcess;
  /** All it has written so far, both streams. */
  output(): string;
  /** Resolves to the exit code, or null when a signal ended it. */
  ended(): Promise<number | null>;
  /** Asks it to end, then makes it. */
  stop(): Promise<number | null>;
}

const stopMilliseconds = 15_000;

export function startProgram(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Program {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let output = "";
  const take = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const closed = once(child, "close");
  const ended = async (): Promise<number | null> => {
    await closed;
    return child.exitCode;
  };
  return {
    child,
    output: () => output,
    ended,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), stopMilliseconds);
      const code = await ended();
      clearTimeout(killer);
      return code;
    },
  };
}

/** The checkout's own binary, under this Node.js. */
export function startWarpwatch(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Program {
  const binary = join(repositoryRoot, "bin/warpwatch.js");
  return startProgram(process.execPath, [binary, ...args], environment);
}

export function hasProgram(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
}

/** Polls until the address answers 200, or ends the program and throws with what it said. */
export async function untilAnswered(
  url: string,
  program: Program,
  timeoutMilliseconds = 45_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMilliseconds;
  while (performance.now() < deadline) {
    if (program.child.exitCode !== null) break;
    const answered = await fetch(url).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // Nobody else will: whoever waited for it has nothing to stop it by yet.
  await program.stop();
  throw new Error(`${url} does not answer; the program said:\n${program.output()}`);
}

/** A port on loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
