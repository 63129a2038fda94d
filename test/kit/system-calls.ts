/** The system calls of running programs, as strace sees them: unlike times, they are the same on a busy machine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasProgram } from "./programs.ts";

export interface TracedCall {
  readonly name: string;
  /** As strace prints them; empty for a call that was under way when the trace began. */
  readonly arguments: string;
}

/** strace needs a moment to attach to every thread. */
const attachMilliseconds = 700;

/** Why programs can't be traced here; empty when they can. */
export async function whyNoTrace(): Promise<string> {
  if (!hasProgram("strace")) return "strace is missing: apt-get install -y strace";
  const sleeper = spawn("sleep", ["5"], { stdio: "ignore" });
  try {
    await traceCalls([sleeper.pid ?? 0], () => Promise.resolve());
    return "";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } finally {
    sleeper.kill();
  }
}

/** What each process called, in all its threads and children, while `work` went on. */
export async function traceCalls(
  processIds: readonly number[],
  work: () => Promise<void>,
): Promise<TracedCall[][]> {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-trace-"));
  try {
    const tracers = processIds.map((processId) => startTracer(folder, processId));
    await new Promise((resolve) => setTimeout(resolve, attachMilliseconds));
    const failed = tracers.find(({ child }) => child.exitCode !== null);
    if (failed) throw new Error(`strace can't attach: ${failed.complaint().trim()}`);
    await work();
    for (const { child } of tracers) child.kill("SIGINT");
    await Promise.all(tracers.map(({ ended }) => ended));
    return tracers.map(({ file }) => parseTrace(readFileSync(file, "latin1")));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A call that starts a program, not only a thread. */
export function startsProcess({ name, arguments: given }: TracedCall): boolean {
  if (name === "clone" || name === "clone3") return !given.includes("CLONE_THREAD");
  return /^(v?fork|execve(at)?)$/.test(name);
}

function startTracer(folder: string, processId: number) {
  const file = join(folder, String(processId));
  const child = spawn("strace", ["-f", "-qq", "-o", file, "-p", String(processId)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (part: Buffer) => (complaint += part.toString("utf8")));
  return { file, child, ended: once(child, "close"), complaint: () => complaint };
}

/** Lines are `1234 name(arguments) = result`; the second half of one that was interrupted is not another call. */
function parseTrace(text: string): TracedCall[] {
  const calls: TracedCall[] = [];
  for (const line of text.split("\n")) {
    const match = /^\d+ +(\w+)\((.*)/.exec(line);
    if (match) calls.push({ name: match[1] ?? "", arguments: match[2] ?? "" });
  }
  return calls;
}
