/**
 * Process 1 of a namespace of its own, with FUSE mounts whose server answers only the greeting: whoever asks them for
 * anything stays in the kernel. Takes orders on stdin: `revive` serves them, `end` asks the program that runs beside them to
 * end, and it says on stdout what came of it. The mounts vanish with this process. The protocol is Linux' include/uapi/linux/fuse.h.
 */
import { spawn } from "node:child_process";
import { constants, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import koffi from "koffi";

const [folder = "", command = "", ...args] = process.argv.slice(2);
const deadMounts = 5;
const headerBytes = 40;
const operation = { statfs: 17, init: 26, interrupt: 36 };
const notImplemented = -38;

const mount = koffi
  .load("libc.so.6")
  .func("int mount(const char*, const char*, const char*, unsigned long, const char*)");

interface Server {
  readonly file: number;
  alive: boolean;
  /** Read and not answered: their callers can't even be killed. */
  readonly held: (readonly [operation: number, unique: bigint])[];
}

function createServer(name: string, alive: boolean): Server {
  const point = join(folder, name);
  mkdirSync(point, { recursive: true });
  const file = openSync("/dev/fuse", constants.O_RDWR | constants.O_NONBLOCK);
  const options = `fd=${file},rootmode=40000,user_id=0,group_id=0`;
  if (mount(`server:/${name}`, point, "fuse.dead", 0, options) !== 0)
    throw new Error(`mount of ${point}: error ${koffi.errno()}`);
  return { file, alive, held: [] };
}

function serve(server: Server): void {
  const request = Buffer.alloc(140_000);
  for (;;) {
    let length: number;
    try {
      length = readSync(server.file, request);
    } catch {
      break;
    }
    if (length < headerBytes) break;
    const asked = [request.readUInt32LE(4), request.readBigUInt64LE(8)] as const;
    if (asked[0] === operation.init || server.alive) answer(server, asked);
    else if (asked[0] !== operation.interrupt) server.held.push(asked);
  }
  if (server.alive) for (const asked of server.held.splice(0)) answer(server, asked);
}

function answer({ file }: Server, [asked, unique]: readonly [number, bigint]): void {
  const body = asked === operation.init ? greeting() : asked === operation.statfs ? space() : null;
  const reply = Buffer.alloc(16 + (body?.length ?? 0));
  reply.writeUInt32LE(reply.length, 0);
  reply.writeInt32LE(body ? 0 : notImplemented, 4);
  reply.writeBigUInt64LE(unique, 8);
  body?.copy(reply, 16);
  try {
    writeSync(file, reply);
  } catch {
    // Its caller was interrupted meanwhile.
  }
}

function greeting(): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(31, 4);
  body.writeUInt32LE(4096, 20);
  return body;
}

/** 1,000 blocks of 4,096 bytes, 250 of them free. */
function space(): Buffer {
  const body = Buffer.alloc(80);
  for (const [index, count] of [1000n, 250n, 250n, 100n, 50n].entries())
    body.writeBigUInt64LE(count, index * 8);
  body.writeUInt32LE(4096, 40);
  body.writeUInt32LE(255, 44);
  body.writeUInt32LE(4096, 48);
  return body;
}

const servers = Array.from({ length: deadMounts }, (_, index) =>
  createServer(`dead${index}`, false),
);
servers.push(createServer("alive", true));
setInterval(() => servers.forEach(serve), 5);

const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
let askedToEndAt = 0;
child.on("exit", (code, signal) => {
  const seconds = ((performance.now() - askedToEndAt) / 1000).toFixed(2);
  const held = servers.reduce((sum, { held: own }) => sum + own.length, 0);
  process.stdout.write(`ENDED ${code ?? signal} after ${seconds} s with ${held} calls held\n`);
  process.exit(0);
});
createInterface({ input: process.stdin }).on("line", (order) => {
  if (order === "revive") for (const server of servers) server.alive = true;
  if (order === "end") {
    askedToEndAt = performance.now();
    child.kill("SIGTERM");
  }
});
process.stdin.on("end", () => process.exit(1));
