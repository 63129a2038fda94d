/** The control socket: what changes the agent's state goes over a Unix socket that only its own user can open; one JSON line each way. */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describeError, systemCode, WarpwatchError } from "../core/kit/errors.ts";
import type { Log } from "../core/kit/log.ts";

export type ControlRequest =
  | { readonly command: "reload" | "status" | "release-gpus" }
  | { readonly command: "inject"; readonly fault: Readonly<Record<string, unknown>> };

/** What each command does; one that isn't given is answered with the reason. Results must be JSON. */
export interface ControlHandlers {
  reload(): unknown;
  status(): unknown;
  /** Only where the synthetic source runs. */
  readonly inject?: ((fault: Readonly<Record<string, unknown>>) => unknown) | undefined;
  readonly releaseGpus?: (() => unknown) | undefined;
}

export interface ControlServer {
  readonly path: string;
  close(): Promise<void>;
}

const maximumRequestBytes = 65_536;
const maximumAnswerBytes = 4_194_304;
const maximumConnections = 16;
const idleMilliseconds = 30_000;
/** What the kernel allows for a socket's path, its final zero included. */
const maximumPathBytes = 107;

export function controlPath(stateFolder: string): string {
  return join(stateFolder, "agent.sock");
}

/** Listens in the state folder, which only its owner may enter. Throws STATE_UNUSABLE. */
export async function startControl(
  path: string,
  handlers: ControlHandlers,
  log: Log,
): Promise<ControlServer> {
  if (Buffer.byteLength(path) > maximumPathBytes)
    throw new WarpwatchError(
      "STATE_UNUSABLE",
      `${path} is too long for a socket; use --state.folder`,
    );
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serve(socket, handlers, log);
  });
  server.maxConnections = maximumConnections;
  try {
    await listen(server, path);
  } catch (thrown) {
    if (systemCode(thrown) !== "EADDRINUSE") throw unusable(path, thrown);
    if (!lstatSync(path).isSocket())
      throw new WarpwatchError("STATE_UNUSABLE", `${path} is there already and is not a socket`);
    if (await isAnswered(path))
      throw new WarpwatchError(
        "STATE_UNUSABLE",
        `another agent runs with the state folder of ${path}`,
      );
    // Left behind by an agent that was killed.
    unlinkSync(path);
    await listen(server, path).catch((again: unknown) => {
      throw unusable(path, again);
    });
  }
  chmodSync(path, 0o600);
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Asks a running agent. Returns the command's result; throws CONTROL_FAILED. */
export function sendControl(
  path: string,
  request: ControlRequest,
  timeoutMilliseconds = 5000,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (sentence: string, cause?: unknown): void => {
      socket.destroy();
      reject(new WarpwatchError("CONTROL_FAILED", sentence, { cause }));
    };
    socket.setTimeout(timeoutMilliseconds, () =>
      fail(`the agent did not answer within ${timeoutMilliseconds} ms`),
    );
    socket.once("error", (cause) => fail(`${path}: ${describeError(cause)}`, cause));
    socket.once("close", () => fail("the agent closed the connection without an answer"));
    readLine(socket, maximumAnswerBytes, (line) => {
      const answer = parseAnswer(line);
      if (answer.ok) resolve(answer.result);
      else fail(answer.sentence);
      socket.destroy();
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}

/** One request per connection. */
function serve(socket: Socket, handlers: ControlHandlers, log: Log): void {
  const answer = (body: object): void => void socket.end(`${JSON.stringify(body)}\n`);
  const refuse = (thrown: unknown): void => answer({ ok: false, sentence: describeError(thrown) });
  socket.setTimeout(idleMilliseconds, () => socket.destroy());
  socket.on("error", (thrown) => log.debug("control connection broke", { reason: thrown.message }));
  readLine(socket, maximumRequestBytes, (line) => {
    if (line === null) {
      refuse(`the request is over ${maximumRequestBytes} bytes`);
      return;
    }
    perform(line, handlers)
      .then((result) => answer({ ok: true, result: result ?? null }))
      .catch(refuse);
  });
}

async function perform(line: string, handlers: ControlHandlers): Promise<unknown> {
  const request = parseRequest(line);
  if (request.command === "reload") return handlers.reload();
  if (request.command === "status") return handlers.status();
  if (request.command === "inject")
    return wanted(
      handlers.inject,
      "faults need synthetic devices; start with --synthetic",
    )(request.fault);
  return wanted(handlers.releaseGpus, "this agent holds no GPU open")();
}

function wanted<Handler>(handler: Handler | undefined, sentence: string): Handler {
  if (handler === undefined) throw new WarpwatchError("CONTROL_FAILED", sentence);
  return handler;
}

/** By hand rather than by a schema: that would take a tenth of the agent's memory. */
function parseRequest(line: string): ControlRequest {
  const parsed = parseJson(line);
  if (!isObject(parsed)) throw malformedRequest("not a JSON object");
  const { command, fault, ...others } = parsed;
  const stray = Object.keys(others)[0];
  if (stray !== undefined) throw malformedRequest(`${stray} is not a key`);
  if (command === "inject") {
    if (!isObject(fault)) throw malformedRequest("fault: needs an object");
    return { command, fault };
  }
  if (fault !== undefined) throw malformedRequest("fault: belongs to inject only");
  if (command === "reload" || command === "status" || command === "release-gpus")
    return { command };
  throw malformedRequest("command: is not reload, status, release-gpus or inject");
}

function malformedRequest(sentence: string): WarpwatchError {
  return new WarpwatchError("CONTROL_FAILED", `the request is malformed: ${sentence}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseAnswer(
  line: string | null,
):
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly sentence: string } {
  const answer = line === null ? undefined : parseJson(line);
  if (typeof answer !== "object" || answer === null)
    return { ok: false, sentence: "the agent's answer is malformed" };
  if ("ok" in answer && answer.ok === true)
    return { ok: true, result: "result" in answer ? answer.result : null };
  return { ok: false, sentence: "sentence" in answer ? String(answer.sentence) : "refused" };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Calls back once: with the first line, or with null when it is over the bound. */
function readLine(
  socket: Socket,
  maximumBytes: number,
  receive: (line: string | null) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    const end = chunk.indexOf(0x0a);
    const part = end === -1 ? chunk : chunk.subarray(0, end);
    chunks.push(part);
    bytes += part.length;
    if (end === -1 && bytes <= maximumBytes) return;
    socket.off("data", take);
    socket.resume();
    receive(bytes > maximumBytes ? null : Buffer.concat(chunks).toString("utf8"));
  };
  socket.on("data", take);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Whether a living process listens there. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
  });
}

function unusable(path: string, cause: unknown): WarpwatchError {
  const reason = systemCode(cause) || describeError(cause);
  return new WarpwatchError("STATE_UNUSABLE", `can't listen on ${path} (${reason})`, { cause });
}
