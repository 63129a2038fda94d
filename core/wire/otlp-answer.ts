/**
 * What an OTLP receiver answers, in the encoding of the request (opentelemetry-proto 1.x: metrics_service.proto; google.rpc.Status).
 *
 *     Response       = partial_success = 1
 *     PartialSuccess = rejected_data_points = 1 error_message = 2
 *     Status         = code = 1 message = 2
 */
import { createByteWriter } from "./bytes.ts";

export type OtlpEncoding = "protobuf" | "json";

export const otlpContentTypes: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

/** Without anything rejected the answer is empty. */
export function encodeOtlpResponse(
  encoding: OtlpEncoding,
  rejected: number,
  message: string,
): Buffer {
  const isWhole = rejected === 0 && message === "";
  if (encoding === "json") {
    const partialSuccess = { rejectedDataPoints: String(rejected), errorMessage: message };
    return Buffer.from(JSON.stringify(isWhole ? {} : { partialSuccess }));
  }
  if (isWhole) return Buffer.alloc(0);
  const inner = encodeNumberAndText(rejected, message);
  const outer = createByteWriter();
  outer.byte(0x0a);
  outer.varint(inner.length);
  return Buffer.concat([outer.finish(), inner]);
}

/** `code` is gRPC's. */
export function encodeOtlpStatus(encoding: OtlpEncoding, code: number, message: string): Buffer {
  if (encoding === "json") return Buffer.from(JSON.stringify({ code, message }));
  return encodeNumberAndText(code, message);
}

function encodeNumberAndText(number: number, text: string): Buffer {
  const writer = createByteWriter();
  writer.byte(0x08);
  writer.varint(number);
  writer.byte(0x12);
  writer.string(text);
  return writer.finish();
}
