import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { createTpuSource } from "../../../../agent/sources/gpu/tpu.ts";
import { readFields, readText } from "../../../../core/wire/protobuf.ts";
import { linesIn, type HostTree } from "../../../hosts/tree.ts";
import { seriesOf } from "../../../kit/without-labels.ts";
import { drive, openOutcome, type DrivenSource } from "../host/drive.ts";

const gibibyte = 2 ** 30;
const duty = "tpu.runtime.tensorcore.dutycycle.percent";
const used = "tpu.runtime.hbm.memory.usage.bytes";
const total = "tpu.runtime.hbm.memory.total.bytes";

/** By metric, a number for each device; a fraction is sent as a double, as the duty cycle is. */
type Values = Readonly<Record<string, readonly number[]>>;

interface FakeRuntime {
  readonly port: number;
  values: Values;
  /** Instead of an answer, if it is given. */
  garbage: Buffer | undefined;
  asked: string[];
  stop(): void;
}

/** The metric service of a runtime on a port of this machine. */
async function startRuntime(values: Values, wantedPort = 0): Promise<FakeRuntime> {
  const server = new Server();
  const state = { values, garbage: undefined as Buffer | undefined, asked: [] as string[] };
  const answer = (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void => {
    const [name] = readFields(call.request).map(readText);
    state.asked.push(name ?? "");
    reply(null, state.garbage ?? encodeAnswer(state.values[name ?? ""] ?? [], name === duty));
  };
  const same = (bytes: Buffer): Buffer => bytes;
  server.addService(
    {
      get: {
        path: "/tpu.monitoring.runtime.RuntimeMetricService/GetRuntimeMetric",
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    { get: answer },
  );
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`127.0.0.1:${wantedPort}`, credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const stop = (): void => server.forceShutdown();
  onTestFinished(stop);
  return Object.assign(state, { port, stop });
}

function encodeAnswer(values: readonly number[], isDouble: boolean): Buffer {
  const metrics = values.map((value, device) => {
    const number = Buffer.alloc(8);
    number.writeDoubleLE(value);
    const gauge = isDouble ? [Buffer.from([0x09]), number] : [Buffer.from([0x10]), varint(value)];
    const attribute = [field(1, Buffer.from("device-id")), field(2, [Buffer.from([0x18, device])])];
    // The time, which isn't read, stands between.
    return field(3, [field(1, attribute), field(2, [Buffer.from([0x08, 1])]), field(3, gauge)]);
  });
  return field(1, [field(1, Buffer.from("name")), ...metrics]);
}

function field(number: number, content: Buffer | readonly Buffer[]): Buffer {
  const body = Buffer.isBuffer(content) ? content : Buffer.concat(content);
  return Buffer.concat([Buffer.from([number * 8 + 2]), varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

/** Four chips of one kind, and the machine's network adapter, which is Google's too. */
function tpuMachine(device = "0x0063"): HostTree {
  const chips = Array.from({ length: 4 }, (_, chip) =>
    linesIn(`sys/bus/pci/devices/0000:00:0${chip + 4}.0`, { vendor: "0x1ae0", device }),
  );
  return {
    ...linesIn("sys/bus/pci/devices/0000:00:03.0", { vendor: "0x1ae0", device: "0x0042" }),
    ...Object.assign({}, ...chips),
  };
}

function open(ports: readonly number[], tree = tpuMachine()): Promise<DrivenSource> {
  return drive(createTpuSource({ ports }), tree);
}

/** Of one chip; the next reading asks the runtime again. */
async function readChip(driven: DrivenSource, chip: number): Promise<Record<string, number>> {
  await driven.clock.advance(5000);
  const own = { gpu: String(chip), UUID: `0000:00:0${chip + 4}.0` };
  return seriesOf(await driven.read(), own, ["vendor"]);
}

const idle = { [duty]: [0, 0, 0, 0], [used]: [0, 0, 0, 0], [total]: [16, 16, 16, 16] };

test("tells duty cycle and memory of each chip while a workload runs, and which chips there are always", async () => {
  const runtime = await startRuntime({
    [duty]: [97.5, 12.25, 0, 100],
    [used]: [9 * gibibyte, 0, 1, 2],
    [total]: [16, 16, 16, 16].map((size) => size * gibibyte),
  });
  const driven = await open([runtime.port]);
  const info =
    'warpwatch_gpu_info{driver_version="",model="TPU v5e",pci_bus_id="0000:00:04.0",serial="",vbios_version=""}';
  expect(await readChip(driven, 0)).toEqual({
    [info]: 1,
    warpwatch_gpu_utilization_ratio: 0.975,
    warpwatch_gpu_memory_used_bytes: 9 * gibibyte,
    warpwatch_gpu_memory_total_bytes: 16 * gibibyte,
  });
  expect(await readChip(driven, 1)).toMatchObject({ warpwatch_gpu_utilization_ratio: 0.1225 });
  runtime.stop();
  expect(await readChip(driven, 0)).toEqual({ [info]: 1 });
  await startRuntime({ ...idle, [duty]: [50, 0, 0, 0] }, runtime.port);
  expect(await readChip(driven, 0)).toMatchObject({ warpwatch_gpu_utilization_ratio: 0.5 });
});

test("older chips are two devices: their memories add up", async () => {
  const runtime = await startRuntime({
    [duty]: [10, 20, 30, 40],
    [used]: [1, 2, 3, 4, 5, 6, 7, 8],
    [total]: [9, 9, 9, 9, 9, 9, 9, 9],
  });
  expect(await readChip(await open([runtime.port], tpuMachine("0x0027")), 3)).toMatchObject({
    warpwatch_gpu_utilization_ratio: 0.4,
    warpwatch_gpu_memory_used_bytes: 15,
    warpwatch_gpu_memory_total_bytes: 18,
  });
});

test("of a chip that is two devices a workload may have some, and newer runtimes tell each one's duty", async () => {
  const runtime = await startRuntime({ [duty]: [20, 40], [used]: [1, 2], [total]: [5, 6] });
  const driven = await open([runtime.port], tpuMachine("0x0076"));
  expect(await readChip(driven, 0)).toMatchObject({
    warpwatch_gpu_utilization_ratio: 0.3,
    warpwatch_gpu_memory_used_bytes: 3,
    warpwatch_gpu_memory_total_bytes: 11,
  });
  expect(Object.keys(await readChip(driven, 1))).toHaveLength(1);
});

test("a workload with some of the chips tells of these", async () => {
  const runtime = await startRuntime({ [duty]: [60, 80], [used]: [5, 6], [total]: [7, 8] });
  const driven = await open([runtime.port]);
  expect(await readChip(driven, 1)).toMatchObject({
    warpwatch_gpu_utilization_ratio: 0.8,
    warpwatch_gpu_memory_used_bytes: 6,
  });
  expect(Object.keys(await readChip(driven, 2))).toHaveLength(1);
});

test("doesn't ask every second, and repeats nothing when the service talks nonsense", async () => {
  const runtime = await startRuntime({ ...idle, [duty]: [70, 0, 0, 0] });
  const driven = await open([runtime.port]);
  await readChip(driven, 0);
  await driven.read();
  await driven.read();
  expect(runtime.asked.toSorted()).toEqual([used, total, duty].toSorted());
  runtime.garbage = Buffer.from([0x0a, 0x7f, 0x01]);
  await driven.clock.advance(5000);
  await expect(driven.read()).rejects.toThrow("not a Protocol Buffers message");
  await expect(driven.read()).rejects.toThrow("not a Protocol Buffers message");
  runtime.garbage = undefined;
  expect(await readChip(driven, 0)).toMatchObject({ warpwatch_gpu_utilization_ratio: 0.7 });
});

test("is absent without a TPU on the bus, whatever listens on the port", async () => {
  const bare = linesIn("sys/bus/pci/devices/0000:00:03.0", { vendor: "0x1ae0", device: "0x0042" });
  expect(await openOutcome(createTpuSource(), bare)).toBe(
    "no TPU is on the bus at /sys/bus/pci/devices",
  );
});
