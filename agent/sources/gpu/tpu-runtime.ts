/** Asks the TPU runtime's metric service; messages and numbers of their fields as tpu_metric_service.proto of Google's tpu-info has them. */
import { callGrpc } from "../../../core/kit/grpc-call.ts";
import { systemCode } from "../../../core/kit/errors.ts";
import {
  readDouble,
  readFields,
  readText,
  type ProtobufField,
} from "../../../core/wire/protobuf.ts";

export type RuntimeMetric = "duty" | "used" | "total";

/** By the device's number; empty where nothing listens. */
export type RuntimeAnswer = Readonly<Record<RuntimeMetric, ReadonlyMap<number, number>>>;

const method = "/tpu.monitoring.runtime.RuntimeMetricService/GetRuntimeMetric";
const names: Readonly<Record<RuntimeMetric, string>> = {
  duty: "tpu.runtime.tensorcore.dutycycle.percent",
  used: "tpu.runtime.hbm.memory.usage.bytes",
  total: "tpu.runtime.hbm.memory.total.bytes",
};
const timeoutMilliseconds = 1000;
const maximumBytes = 1_048_576;
const maximumDevices = 1024;

/** Throws CALL_FAILED or MESSAGE_MALFORMED for a service that is there and can't be asked. */
export async function askRuntime(
  ports: readonly number[],
  signal: AbortSignal,
): Promise<RuntimeAnswer> {
  const ask = async (metric: RuntimeMetric): Promise<Map<number, number>> => {
    const answers = await Promise.all(ports.map((port) => askPort(port, names[metric], signal)));
    return new Map(answers.flatMap((answer) => [...answer]).slice(0, maximumDevices));
  };
  const [duty, used, total] = await Promise.all([ask("duty"), ask("used"), ask("total")]);
  return { duty, used, total };
}

async function askPort(
  port: number,
  name: string,
  signal: AbortSignal,
): Promise<Map<number, number>> {
  const text = Buffer.from(name);
  // MetricRequest: metric_name = 1, whose length is below 128.
  const request = Buffer.concat([Buffer.from([0x0a, text.length]), text]);
  try {
    const call = { port, method, request, timeoutMilliseconds, maximumBytes, signal };
    return readMetrics(await callGrpc(call));
  } catch (thrown) {
    // No workload runs, or not with this port.
    if (isRefused(thrown)) return new Map();
    throw thrown;
  }
}

/** Nothing listens: what HTTP/2 says of it wraps what the system said. */
function isRefused(thrown: unknown, depth = 0): boolean {
  if (!(thrown instanceof Error) || depth > 3) return false;
  return systemCode(thrown) === "ECONNREFUSED" || isRefused(thrown.cause, depth + 1);
}

/** MetricResponse: metric = 1; TPUMetric: metrics = 3; Metric: attribute = 1, gauge = 3. */
function readMetrics(message: Buffer): Map<number, number> {
  const values = new Map<number, number>();
  for (const metric of inner(readFields(message), 1).flatMap((fields) => inner(fields, 3))) {
    const [attribute] = inner(metric, 1);
    const [gauge] = inner(metric, 3);
    const device = attribute ? readDevice(attribute) : Number.NaN;
    if (gauge && !Number.isNaN(device)) values.set(device, readGauge(gauge));
  }
  return values;
}

/** Attribute: key = 1, value = 2; AttrValue: string_attr = 1, int_attr = 3. The first device may go without its 0. */
function readDevice(attribute: readonly ProtobufField[]): number {
  const [value] = inner(attribute, 2);
  const whole = value?.find(({ number }) => number === 3);
  if (whole) return whole.value;
  const text = value?.find(({ number }) => number === 1);
  if (text) return /^\d+$/.test(readText(text)) ? Number(readText(text)) : Number.NaN;
  return value ? 0 : Number.NaN;
}

/** Gauge: as_double = 1, as_int = 2. */
function readGauge(gauge: readonly ProtobufField[]): number {
  const double = gauge.find(({ number }) => number === 1);
  if (double) return readDouble(double);
  return gauge.find(({ number }) => number === 2)?.value ?? Number.NaN;
}

function inner(fields: readonly ProtobufField[], wanted: number): ProtobufField[][] {
  return fields.filter(({ number }) => number === wanted).map(({ bytes }) => readFields(bytes));
}
