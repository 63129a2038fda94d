/** A kubelet's pod-resources service: a real gRPC server on a Unix socket, whose pods a test adds and takes away. */
import { rmSync } from "node:fs";
import {
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
} from "@grpc/grpc-js";

export interface FakeDevices {
  readonly resource: string;
  readonly ids: readonly string[];
}

export interface FakePod {
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
  readonly devices?: readonly FakeDevices[];
  /** A claim of dynamic resource allocation, as driver, pool and device. */
  readonly claim?: { name: string; driver: string; pool: string; device: string };
}

export interface FakeKubelet {
  pods: readonly FakePod[];
  /** Ids of the devices it hands out; undefined for a kubelet that doesn't know the call. */
  allocatable: readonly string[] | undefined;
  /** What it answers instead, if not undefined: raw bytes, an error, or nothing at all. */
  answer: Buffer | Error | "never" | undefined;
  readonly calls: number;
  close(): void;
}

export async function startFakeKubelet(socketPath: string): Promise<FakeKubelet> {
  rmSync(socketPath, { force: true });
  const server = new Server();
  const state = {
    pods: [] as readonly FakePod[],
    allocatable: undefined as FakeKubelet["allocatable"],
    answer: undefined as FakeKubelet["answer"],
    calls: 0,
  };
  const list = (_: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void => {
    state.calls += 1;
    if (state.answer === "never") return;
    if (state.answer instanceof Error) reply(state.answer);
    else
      reply(null, state.answer ?? Buffer.concat(state.pods.map((pod) => field(1, encodePod(pod)))));
  };
  const offer = (_: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void => {
    if (!state.allocatable) reply({ code: status.UNIMPLEMENTED, details: "unknown method" });
    else
      reply(
        null,
        field(1, [text(1, "nvidia.com/gpu"), ...state.allocatable.map((id) => text(2, id))]),
      );
  };
  const bytes = {
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (value: Buffer) => value,
  };
  const service = "/v1.PodResourcesLister";
  const unary = { requestStream: false, responseStream: false, ...bytes };
  server.addService(
    {
      list: { path: `${service}/List`, ...unary },
      offer: { path: `${service}/GetAllocatableResources`, ...unary },
    },
    { list, offer },
  );
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  return Object.assign(state, { close: () => server.forceShutdown() });
}

function encodePod({ namespace, name, container, devices = [], claim }: FakePod): Buffer {
  const parts = devices.map(({ resource, ids }) =>
    // The topology, which we don't read, comes last.
    field(2, [text(1, resource), ...ids.map((id) => text(2, id)), field(3, field(1, [8, 1]))]),
  );
  const claimed =
    claim && field(4, [text(2, claim.driver), text(3, claim.pool), text(4, claim.device)]);
  const claims =
    claim && claimed ? [field(5, [text(2, claim.name), text(3, "team"), claimed])] : [];
  return Buffer.concat([
    text(1, name),
    text(2, namespace),
    // Processors: packed numbers.
    field(3, [text(1, container), ...parts, ...claims, field(3, [0, 1, 0x80, 0x02])]),
  ]);
}

function text(number: number, value: string): Buffer {
  return field(number, Buffer.from(value));
}

function field(number: number, content: Buffer | readonly (Buffer | number)[]): Buffer {
  const body = Buffer.isBuffer(content)
    ? content
    : Buffer.concat(content.map((part) => (typeof part === "number" ? Buffer.from([part]) : part)));
  const length: number[] = [];
  for (let rest = body.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), body]);
}
