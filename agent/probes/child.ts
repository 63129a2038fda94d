/** One child process of a probe: its start, the channel to it, its complaints and its end. */
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Env } from "../../core/kit/env.ts";
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { ProbeReply, ProbeRequest } from "./message.ts";
import type { ProbeName } from "./probe.ts";

export interface ProbeChild {
  readonly processId: number;
  /** Throws for what can't be cloned. What doesn't arrive is followed by the child's end. */
  send(request: ProbeRequest): void;
  /** Closes the channel: the child ends by itself as soon as its loop turns. */
  letGo(): void;
}

export interface ChildOptions {
  readonly name: ProbeName;
  readonly env: Env;
  readonly log: Log;
  /** The program that ships is found by the probe's name. */
  readonly program: string | null;
  readonly onReply: (reply: ProbeReply) => void;
  /** Called once; `how` reads on after "the … probe". */
  readonly onEnd: (how: string) => void;
}

/** Threads for calls that hang in the kernel: more than a node has mounts. They share the child's memory and are idle. */
const threads = 64;
/** The C library otherwise keeps a store of free memory for nearly every thread that ever asked for some: megabytes that lie idle. */
const memoryStores = 2;
const longestComplaint = 1000;

/** Nothing of the child keeps this process from ending. Throws when it can't be started. */
export function startChild(options: ChildOptions): ProbeChild {
  const child = spawnProgram(options);
  let complaint = "";
  let ended = false;
  function end(how: string): void {
    if (ended) return;
    ended = true;
    options.onEnd(complaint === "" ? how : `${how} (${complaint})`);
  }
  child.on("message", (message) => options.onReply(message as ProbeReply));
  child.on("error", (thrown) => {
    if (child.pid === undefined) end(`can't be started: ${describeError(thrown)}`);
  });
  child.on("exit", (code, signal) =>
    end(signal === null ? `ended with ${code}` : `was ended by ${signal}`),
  );
  child.stderr?.on("data", (part: Buffer) => {
    const text = part.toString("utf8").trim().slice(0, longestComplaint);
    complaint = text.split("\n").at(-1) ?? "";
    options.log.warn(`the ${options.name} probe complains`, { text });
  });
  child.unref();
  child.channel?.unref();
  unrefPipe(child.stderr);
  return {
    processId: child.pid ?? 0,
    send: (request) => void child.send(request, () => undefined),
    letGo() {
      child.stderr?.destroy();
      if (child.connected) child.disconnect();
    },
  };
}

function spawnProgram({ name, env, program }: ChildOptions): ChildProcess {
  const flags = [`--title=warpwatch-${name}`, "--max-semi-space-size=1", "--disable-sigusr1"];
  const { NODE_OPTIONS: _, ...variables } = env.variables;
  return env.spawn(process.execPath, [...flags, program ?? findProgram(name)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "advanced",
    // In a session of its own: what a terminal sends to the agent isn't meant for it.
    detached: true,
    env: {
      ...variables,
      UV_THREADPOOL_SIZE: String(threads),
      MALLOC_ARENA_MAX: String(memoryStores),
    },
  });
}

/** A child's pipe is a socket, which its type doesn't say. */
function unrefPipe(pipe: ChildProcess["stderr"]): void {
  if (pipe && "unref" in pipe && typeof pipe.unref === "function") pipe.unref();
}

/** The program lies beside this file in a checkout, and beside the bundle in what ships. */
function findProgram(name: ProbeName): string {
  const places = [`./${name}-program.ts`, `./${name}-program.js`];
  const found = places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((file) => existsSync(file));
  if (found === undefined)
    throw new WarpwatchError("PROBE_FAILED", `the ${name} probe is missing from this installation`);
  return found;
}
