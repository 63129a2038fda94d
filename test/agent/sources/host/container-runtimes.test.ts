import { mkdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createSocketServer, type AddressInfo, type Socket } from "node:net";
import { dirname, join } from "node:path";
import {
  Server as GrpcServer,
  ServerCredentials,
  status,
  type MethodDefinition,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { createContainerRuntimesSource } from "../../../../agent/sources/host/container-runtimes.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { makeHostContext, readRound, readSource } from "./context.ts";

const containerd = "run/containerd/containerd.sock";

interface Host {
  readonly rootfs: string;
  readonly context: ReturnType<typeof makeHostContext>;
}

function makeHost(): Host {
  const rootfs = makeFolder();
  const paths = { procfs: join(rootfs, "proc"), sysfs: join(rootfs, "sys"), rootfs };
  return { rootfs, context: makeHostContext({ paths }) };
}

function pathOn({ rootfs }: Host, path: string): string {
  const full = join(rootfs, path);
  mkdirSync(dirname(full), { recursive: true });
  return full;
}

const lengthFirst = (tag: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([tag, bytes.length]), bytes]);

function condition(type: string, holds: boolean): Buffer {
  const reason = lengthFirst(0x1a, Buffer.from("because"));
  const held = holds ? Buffer.from([0x10, 1]) : Buffer.alloc(0);
  return lengthFirst(0x0a, Buffer.concat([lengthFirst(0x0a, Buffer.from(type)), held, reason]));
}

const statusAnswer = (...conditions: Buffer[]): Buffer =>
  lengthFirst(0x0a, Buffer.concat(conditions));

type Reply = sendUnaryData<Buffer>;

const statusMethod: MethodDefinition<Buffer, Buffer> = {
  path: "/runtime.v1.RuntimeService/Status",
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
};

/** A container runtime on a Unix socket, spoken to by gRPC as the real ones are. */
async function startRuntime(path: string, answer: (reply: Reply) => void): Promise<void> {
  const server = new GrpcServer();
  server.addService(
    { Status: statusMethod },
    { Status: (_call: unknown, reply: Reply) => answer(reply) },
  );
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  onTestFinished(() => server.forceShutdown());
}

async function startHttp(at: string | number, code: number): Promise<Server> {
  const server = createServer((_request, response) => response.writeHead(code).end("OK"));
  await new Promise<void>((resolve) => server.listen(at, resolve));
  onTestFinished(() => void server.close());
  return server;
}

/** Without how long the answers took. */
const known = (samples: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...samples].filter(([name]) => !name.includes("response_seconds")));

test("containerd's conditions are told, those that hold and those that don't", async () => {
  const host = makeHost();
  await startRuntime(pathOn(host, containerd), (reply) =>
    reply(null, statusAnswer(condition("RuntimeReady", true), condition("NetworkReady", false))),
  );
  const samples = await readSource(createContainerRuntimesSource(), host.context);
  expect(known(samples)).toEqual({
    'warpwatch_container_runtime_up{runtime="containerd"}': 1,
    'warpwatch_container_runtime_condition{condition="RuntimeReady",runtime="containerd"}': 1,
    'warpwatch_container_runtime_condition{condition="NetworkReady",runtime="containerd"}': 0,
  });
  const seconds = samples.get('warpwatch_container_runtime_response_seconds{runtime="containerd"}');
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThan(2);
});

test("one that answers with an error is not up, and its neighbours are", async () => {
  const host = makeHost();
  await startRuntime(pathOn(host, "run/crio/crio.sock"), (reply) =>
    reply({ code: status.UNAVAILABLE, details: "the store is gone" }),
  );
  await startHttp(pathOn(host, "run/docker.sock"), 200);
  mkdirSync(pathOn(host, "var/lib/kubelet"), { recursive: true });
  const kubelet = await startHttp(0, 500);
  const { port } = kubelet.address() as AddressInfo;
  expect(known(await readSource(createContainerRuntimesSource(port), host.context))).toEqual({
    'warpwatch_container_runtime_up{runtime="crio"}': 0,
    'warpwatch_container_runtime_up{runtime="docker"}': 1,
    'warpwatch_container_runtime_up{runtime="kubelet"}': 0,
  });
});

test("a containerd without the interface, as docker brings it, is up and tells no conditions", async () => {
  const host = makeHost();
  await startRuntime(pathOn(host, containerd), (reply) =>
    reply({ code: status.UNIMPLEMENTED, details: "unknown service runtime.v1.RuntimeService" }),
  );
  expect(known(await readSource(createContainerRuntimesSource(), host.context))).toEqual({
    'warpwatch_container_runtime_up{runtime="containerd"}': 1,
  });
});

test("a kubelet that doesn't listen is down only once it has answered", async () => {
  const host = makeHost();
  mkdirSync(pathOn(host, "var/lib/kubelet"), { recursive: true });
  const kubelet = await startHttp(0, 200);
  const { port } = kubelet.address() as AddressInfo;
  const before = await createContainerRuntimesSource(port).open(
    host.context,
    new AbortController().signal,
  );
  if ("absent" in before) throw new Error(before.absent);
  onTestFinished(() => before.close());
  expect(known(await readRound(before))).toEqual({
    'warpwatch_container_runtime_up{runtime="kubelet"}': 1,
  });
  await new Promise((resolve) => kubelet.close(resolve));
  expect(known(await readRound(before))).toEqual({
    'warpwatch_container_runtime_up{runtime="kubelet"}': 0,
  });
  await expect(readSource(createContainerRuntimesSource(port), host.context)).rejects.toThrow(
    "and no kubelet answers",
  );
});

test("one that takes the call and never answers is not up after two seconds", async () => {
  const host = makeHost();
  const sockets: Socket[] = [];
  const server = createSocketServer((socket) => sockets.push(socket));
  const path = pathOn(host, containerd);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const startedAt = performance.now();
  expect(known(await readSource(createContainerRuntimesSource(), host.context))).toEqual({
    'warpwatch_container_runtime_up{runtime="containerd"}': 0,
  });
  expect(performance.now() - startedAt).toBeLessThan(4000);
});

test("an answer that is no message is not up", async () => {
  const host = makeHost();
  await startRuntime(pathOn(host, containerd), (reply) =>
    reply(null, Buffer.from([0x0a, 0x7f, 1])),
  );
  expect(known(await readSource(createContainerRuntimesSource(), host.context))).toEqual({
    'warpwatch_container_runtime_up{runtime="containerd"}': 0,
  });
});

test("a runtime that comes is told, and one whose socket goes is absent", async () => {
  const host = makeHost();
  const docker = await startHttp(pathOn(host, "run/docker.sock"), 200);
  const source = createContainerRuntimesSource();
  const reader = await source.open(host.context, new AbortController().signal);
  if ("absent" in reader) throw new Error(reader.absent);
  onTestFinished(() => reader.close());
  expect([...(await readRound(reader)).keys()].join()).toContain('"docker"');
  await startRuntime(pathOn(host, containerd), (reply) =>
    reply(null, statusAnswer(condition("RuntimeReady", true))),
  );
  // Closing takes the socket's file away.
  await new Promise((resolve) => docker.close(resolve));
  const names = [...(await readRound(reader)).keys()].join();
  expect(names).toContain('"containerd"');
  expect(names).not.toContain('"docker"');
});

test("is absent where there is neither a socket nor a kubelet", async () => {
  const { context } = makeHost();
  const outcome = await createContainerRuntimesSource().open(context, new AbortController().signal);
  expect(outcome).toHaveProperty("absent", expect.stringMatching(/no socket of containerd/));
});
