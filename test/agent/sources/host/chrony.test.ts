/** The clock's source against a real chronyd where there is one, and against what nobody should answer. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { describeError } from "../../../../core/kit/errors.ts";
import { createChronySource } from "../../../../agent/sources/host/chrony.ts";
import type { SourceContext } from "../../../../agent/sources/source.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { hasProgram, startProgram } from "../../../kit/programs.ts";
import { readSource, makeHostContext } from "./context.ts";

const signal = new AbortController().signal;

describe.runIf(hasProgram("chronyd"))("a chronyd that follows another", () => {
  test("tells its offset, its frequency and what it follows as chronyc does", async () => {
    const [server, client, ntp] = [await freePort(), await freePort(), await freePort()];
    const folder = makeFolder();
    writeFileSync(join(folder, "drift"), "12.5 0.5\n");
    startDaemon(folder, "server", [
      "local stratum 10",
      `cmdport ${server}`,
      "bindaddress 127.0.0.1",
      `port ${ntp}`,
      "allow 127.0.0.1",
    ]);
    const follows = `server 127.0.0.1 port ${ntp} offset 0.25 iburst minpoll 0 maxpoll 0`;
    startDaemon(folder, "client", [follows, `cmdport ${client}`, "port 0"]);

    const samples = await readUntil(client, (found) => found.get(series("stratum")) === 11);
    expect(samples.get(series("offset_seconds"))).toBeCloseTo(0.25, 2);
    expect(samples.get(series("error_bound_seconds"))).toBeGreaterThan(
      samples.get(series("offset_seconds")) ?? Infinity,
    );
    expect(samples.get(series("error_bound_seconds"))).toBeLessThan(0.3);
    expect(samples.get(series("frequency_error_ratio"))).toBeCloseTo(12.5e-6, 6);
    expect(samples.get(series("sources"))).toBe(1);
    expect(samples.get(series('leap_status{state="normal"}'))).toBe(1);
    expect(samples.get(series('leap_status{state="unsynchronised"}'))).toBe(0);
    expect(samples.get(series('reference_info{address="127.0.0.1",id="7F000001"}'))).toBe(1);
    const age = Date.now() / 1000 - (samples.get(series("reference_timestamp_seconds")) ?? 0);
    expect(Math.abs(age)).toBeLessThan(30);

    // One that has no source of its own says its stratum and no offset.
    const alone = await readUntil(server, (found) => found.get(series("stratum")) === 10);
    expect(alone.get(series("offset_seconds"))).toBeCloseTo(0, 3);
    expect(alone.get(series("sources"))).toBe(0);
  });
});

test("is absent where nobody listens", async () => {
  const port = await freePort();
  await expect(
    createChronySource({ address: "127.0.0.1", port }).open(context(), signal),
  ).resolves.toEqual({ absent: `no chronyd listens on 127.0.0.1:${port}` });
});

test("counts a clock that was never set as unsynchronised, without a time of reference", async () => {
  const port = await answerWith((request) => [reply(request, { leap: 3, stratum: 0 })]);
  const samples = await readSource(createChronySource({ address: "127.0.0.1", port }), context());
  expect(samples.get(series('leap_status{state="unsynchronised"}'))).toBe(1);
  expect(samples.get(series("stratum"))).toBe(0);
  expect(samples.has(series("reference_timestamp_seconds"))).toBe(false);
  expect(samples.has(series("error_bound_seconds"))).toBe(false);
});

test("takes the answer to its own question and none that came before", async () => {
  const port = await answerWith((request) => {
    const late = reply(request, { stratum: 7 });
    late.writeUInt32BE(request.readUInt32BE(8) - 1, 16);
    return [late, reply(request, { stratum: 3 })];
  });
  const samples = await readSource(createChronySource({ address: "127.0.0.1", port }), context());
  expect(samples.get(series("stratum"))).toBe(3);
});

test.each<[string, (request: Buffer) => Buffer]>([
  ["a reply of 3 bytes", () => Buffer.from("abc")],
  ["a reply of protocol version 7", (request) => edited(reply(request), 0, 7)],
  ["a packet of type 1", (request) => edited(reply(request), 1, 1)],
  ["status 2 to command 33", (request) => edited(reply(request), 9, 2)],
  ["a reply of kind 9 to command 33", (request) => edited(reply(request), 7, 9)],
  ["75 bytes in reply to command 33", (request) => reply(request).subarray(0, 28 + 75)],
])("is down with one sentence when it gets %s", async (sentence, answer) => {
  const port = await answerWith((request) => [answer(request)]);
  await expect(
    Promise.resolve(createChronySource({ address: "127.0.0.1", port }).open(context(), signal)),
  ).rejects.toThrow(`chronyd gave ${sentence}`);
});

test("is down when no answer comes, and doesn't wait once the signal has aborted", async () => {
  const port = await answerWith(() => []);
  const source = createChronySource({ address: "127.0.0.1", port });
  const sentence = await Promise.resolve(source.open(context(), signal)).catch(describeError);
  expect(sentence).toContain("chronyd gave no answer within 1000 ms");
  const before = performance.now();
  await expect(Promise.resolve(source.open(context(), AbortSignal.abort()))).rejects.toThrow(
    "no answer",
  );
  expect(performance.now() - before).toBeLessThan(500);
});

function series(name: string): string {
  return `warpwatch_chrony_${name}`;
}

function context(): SourceContext {
  return makeHostContext();
}

function startDaemon(folder: string, name: string, lines: readonly string[]): void {
  const file = join(folder, `${name}.conf`);
  const common = [
    "bindcmdaddress 127.0.0.1",
    // No socket of its own beside the system's.
    "bindcmdaddress /",
    `driftfile ${join(folder, "drift")}`,
    `pidfile ${join(folder, `${name}.pid`)}`,
  ];
  writeFileSync(file, `${[...lines, ...common].join("\n")}\n`);
  // -x: the machine's clock isn't touched.
  const daemon = startProgram("chronyd", ["-x", "-d", "-f", file, "-u", "root"]);
  onTestFinished(async () => void (await daemon.stop()));
}

async function readUntil(
  port: number,
  isWanted: (samples: ReadonlyMap<string, number>) => boolean,
): Promise<ReadonlyMap<string, number>> {
  const deadline = performance.now() + 20_000;
  const source = createChronySource({ address: "127.0.0.1", port });
  for (;;) {
    const samples = await readSource(source, context()).catch(() => new Map<string, number>());
    if (isWanted(samples)) return samples;
    if (performance.now() > deadline) throw new Error("chronyd didn't get there in time");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function bind(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

async function freePort(): Promise<number> {
  const socket = await bind();
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

async function answerWith(answers: (request: Buffer) => readonly Buffer[]): Promise<number> {
  const socket = await bind();
  onTestFinished(() => void socket.close());
  socket.on("message", (request: Buffer, { port, address }: RemoteInfo) => {
    for (const answer of answers(request)) socket.send(answer, port, address);
  });
  return socket.address().port;
}

/** What chronyd would say to a request, with these values and zeros otherwise. */
function reply(request: Buffer, { leap = 0, stratum = 0 } = {}): Buffer {
  const isTracking = request.readUInt16BE(4) === 33;
  const packet = Buffer.alloc(28 + (isTracking ? 76 : 4));
  packet[0] = 6;
  packet[1] = 2;
  request.copy(packet, 4, 4, 6);
  packet.writeUInt16BE(isTracking ? 5 : 2, 6);
  request.copy(packet, 16, 8, 12);
  if (!isTracking) return packet;
  packet.writeUInt16BE(stratum, 28 + 24);
  packet.writeUInt16BE(leap, 28 + 26);
  return packet;
}

function edited(packet: Buffer, position: number, byte: number): Buffer {
  packet[position] = byte;
  return packet;
}
