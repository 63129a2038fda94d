/** The control socket over a real socket: who may open it, what it answers, and what it refuses. */
import { chmodSync, existsSync, lstatSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  controlPath,
  sendControl,
  startControl,
  type ControlHandlers,
  type ControlRequest,
} from "../../agent/control.ts";
import { createSystemClock } from "../../core/kit/clock.ts";
import { createLog } from "../../core/kit/log.ts";
import { makeFolder } from "../kit/folder.ts";

const log = createLog({ clock: createSystemClock(), write: () => undefined });

async function start(
  handlers: Partial<ControlHandlers> = {},
  folder = makeFolder(),
): Promise<string> {
  const path = controlPath(folder);
  const control = await startControl(
    path,
    { reload: () => undefined, status: () => ({ sources: [] }), ...handlers },
    log,
  );
  onTestFinished(() => control.close());
  return path;
}

/** Sends bytes as they are and returns what comes back. */
function sendRaw(path: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(path, () => socket.write(bytes));
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

test("only the owner may open the socket, whatever the umask", async () => {
  const before = process.umask(0);
  try {
    expect(lstatSync(await start()).mode & 0o777).toBe(0o600);
  } finally {
    process.umask(before);
  }
});

test("commands reach their handlers and bring back what they return", async () => {
  const faults: unknown[] = [];
  const path = await start({
    status: () => ({ node: "n1" }),
    inject: async (fault) => void faults.push(fault),
    releaseGpus: () => ["gpu0"],
  });
  expect(await sendControl(path, { command: "status" })).toEqual({ node: "n1" });
  expect(await sendControl(path, { command: "reload" })).toBeNull();
  expect(await sendControl(path, { command: "release-gpus" })).toEqual(["gpu0"]);
  await sendControl(path, { command: "inject", fault: { kind: "xid", code: 79 } });
  expect(faults).toEqual([{ kind: "xid", code: 79 }]);
});

test("a fault without synthetic devices, and GPUs to release without any, are refused with the reason", async () => {
  const path = await start();
  const inject: ControlRequest = { command: "inject", fault: {} };
  await expect(sendControl(path, inject)).rejects.toThrow(/--synthetic/);
  await expect(sendControl(path, { command: "release-gpus" })).rejects.toThrow(/holds no GPU/);
});

test("a handler that throws answers with its sentence", async () => {
  const path = await start({
    inject: () => {
      throw new Error("no fault is called boom");
    },
  });
  const inject: ControlRequest = { command: "inject", fault: { kind: "boom" } };
  await expect(sendControl(path, inject)).rejects.toThrow("no fault is called boom");
});

describe("malformed requests get one sentence", () => {
  test.each([
    "not json",
    "",
    "[]",
    "null",
    "1",
    '{"command":"shutdown"}',
    '{"command":"status","more":1}',
    '{"command":"inject"}',
    '{"command":"inject","fault":[1]}',
    '{"command":["status"]}',
    "\u0000\u0001",
  ])("%j", async (line) => {
    const answer = JSON.parse(await sendRaw(await start(), `${line}\n`)) as object;
    expect(answer).toEqual({ ok: false, sentence: expect.stringMatching(/malformed/) });
  });

  test("a line over the bound", async () => {
    const answer = await sendRaw(await start(), `{"command":"${"x".repeat(100_000)}`);
    expect(answer).toMatch(/over 65536 bytes/);
  });
});

test("a socket that a killed agent left behind is replaced", async () => {
  const folder = makeFolder();
  const path = controlPath(folder);
  const dead = createServer().listen(path);
  await new Promise((resolve) => dead.once("listening", resolve));
  // A closed handle would unlink the file: what stays behind a kill is made with a link.
  const { linkSync, unlinkSync } = await import("node:fs");
  linkSync(path, `${path}.kept`);
  await new Promise((resolve) => dead.close(resolve));
  linkSync(`${path}.kept`, path);
  unlinkSync(`${path}.kept`);
  expect(existsSync(path)).toBe(true);
  await start({ status: () => "alive" }, folder);
  expect(await sendControl(path, { command: "status" })).toBe("alive");
});

test("a second agent in the same folder is refused, and the first goes on", async () => {
  const folder = makeFolder();
  const path = await start({ status: () => "first" }, folder);
  await expect(start({}, folder)).rejects.toThrow(/another agent runs/);
  expect(await sendControl(path, { command: "status" })).toBe("first");
});

test("a plain file in the socket's place is left alone", async () => {
  const folder = makeFolder();
  writeFileSync(controlPath(folder), "precious");
  await expect(start({}, folder)).rejects.toThrow(/not a socket/);
  expect(lstatSync(controlPath(folder)).isFile()).toBe(true);
});

test("a path too long for a socket names the flag", async () => {
  const path = join(makeFolder(), "x".repeat(120));
  const handlers = { reload: () => undefined, status: () => undefined };
  await expect(startControl(path, handlers, log)).rejects.toThrow(/--state\.folder/);
});

describe("asking", () => {
  test("nobody there", async () => {
    const path = controlPath(makeFolder());
    await expect(sendControl(path, { command: "status" })).rejects.toThrow(
      expect.objectContaining({ code: "CONTROL_FAILED" }),
    );
  });

  test("an agent that doesn't answer in time", async () => {
    const path = await start({ status: () => new Promise(() => undefined) });
    await expect(sendControl(path, { command: "status" }, 100)).rejects.toThrow(/within 100 ms/);
  });

  test("something else on the other side", async () => {
    const path = controlPath(makeFolder());
    const other = createServer((socket) => void socket.end("hello\n")).listen(path);
    await new Promise((resolve) => other.once("listening", resolve));
    onTestFinished(() => void other.close());
    chmodSync(path, 0o600);
    await expect(sendControl(path, { command: "status" })).rejects.toThrow(/malformed/);
  });
});
