/** One unary gRPC call over a Unix socket or to a port of this machine, as grpc.io's PROTOCOL-HTTP2 has it; the kubelet and the container runtimes speak it, and the TPU's runtime. */
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { describeError, WarpwatchError } from "./errors.ts";

/** Where the server is: a socket, or a port of this machine. */
type GrpcPlace = { readonly socketPath: string } | { readonly port: number };

export type GrpcCall = GrpcPlace & CallOptions;

interface CallOptions {
  /** `/v1.PodResourcesLister/List` */
  readonly method: string;
  /** The request's message, without its prefix. */
  readonly request: Uint8Array;
  readonly timeoutMilliseconds: number;
  readonly maximumBytes: number;
  readonly signal?: AbortSignal;
}

/** Flag and length before the message. */
const prefixBytes = 5;

/** The answer's message. Throws CALL_FAILED with what the server said, or why it couldn't be asked. */
export function callGrpc(call: GrpcCall): Promise<Buffer> {
  const { method } = call;
  const place = "port" in call ? `localhost:${call.port}` : call.socketPath;
  return new Promise((resolve, reject) => {
    const session = http2().connect("http://localhost", {
      createConnection: () =>
        "port" in call ? connect(call.port, "localhost") : connect(call.socketPath),
    });
    const finish = (outcome: Buffer | WarpwatchError): void => {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", abort);
      session.destroy();
      if (outcome instanceof WarpwatchError) reject(outcome);
      else resolve(outcome);
    };
    const fail = (reason: string, cause?: unknown): void =>
      finish(new WarpwatchError("CALL_FAILED", `${place} ${method}: ${reason}`, { cause }));
    const abort = (): void => fail("given up");
    const timer = setTimeout(
      () => fail(`no answer within ${call.timeoutMilliseconds} ms`),
      call.timeoutMilliseconds,
    );
    call.signal?.addEventListener("abort", abort, { once: true });
    session.on("error", (error) => fail(describeError(error), error));
    request(session, call, finish, fail);
  });
}

function request(
  session: ClientHttp2Session,
  { method, request: message, maximumBytes, timeoutMilliseconds }: GrpcCall,
  finish: (answer: Buffer) => void,
  fail: (reason: string, cause?: unknown) => void,
): void {
  const { constants } = http2();
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: method,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
    te: "trailers",
    "grpc-timeout": `${timeoutMilliseconds}m`,
  });
  const chunks: Buffer[] = [];
  let length = 0;
  let status = "";
  let reason = "";
  // An answer without a body has its status in the headers, another one in the trailers.
  const takeStatus = (headers: IncomingHttpHeaders): void => {
    status = headers["grpc-status"]?.toString() ?? status;
    reason = headers["grpc-message"]?.toString() ?? reason;
  };
  stream.on("response", takeStatus);
  stream.on("trailers", takeStatus);
  stream.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > maximumBytes + prefixBytes) fail(`the answer has more than ${maximumBytes} bytes`);
    else chunks.push(chunk);
  });
  stream.on("error", (error) => fail(describeError(error), error));
  stream.on("end", () => {
    if (status !== "0") {
      fail(status === "" ? "the answer has no status" : `status ${status} ${reason}`.trim());
      return;
    }
    const body = Buffer.concat(chunks);
    if (body.length < prefixBytes || body[0] !== 0) fail("the answer is empty or compressed");
    else if (body.readUInt32BE(1) !== body.length - prefixBytes) fail("the answer is cut short");
    else finish(body.subarray(prefixBytes));
  });
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([prefix, message]));
}

/** Loaded when first needed: most nodes have nobody to ask, and it brings HTTP's client along. */
const http2 = () => process.getBuiltinModule("node:http2");
