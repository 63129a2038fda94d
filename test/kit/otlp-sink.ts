/** Stands for an OTLP receiver: reads what comes, answers what the test says, and remembers both. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { readOtlpProtobuf } from "../../core/wire/otlp-protobuf.ts";
import { defaultOtlpLimits, type OtlpResource } from "../../core/wire/otlp.ts";
import { readWhole } from "./otlp.ts";

export interface OtlpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface OtlpSink {
  readonly url: string;
  readonly received: {
    readonly path: string;
    readonly headers: IncomingHttpHeaders;
    readonly resources: readonly OtlpResource[];
  }[];
  /** Of the request with this number, from 1; every one is accepted unless a test says otherwise. */
  answer: (request: number) => OtlpAnswer | Promise<OtlpAnswer>;
  close(this: void): void;
}

/** With a certificate it speaks TLS. */
export async function startOtlpSink(certificate?: {
  readonly cert: Buffer;
  readonly key: Buffer;
}): Promise<OtlpSink> {
  const server = certificate ? createSecureServer(certificate, take) : createServer(take);
  function take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const message = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      sink.received.push({
        path: request.url ?? "",
        headers: request.headers,
        resources: readWhole(readOtlpProtobuf(message, defaultOtlpLimits)),
      });
      void Promise.resolve(sink.answer(sink.received.length)).then((answer) =>
        response.writeHead(answer.status, answer.headers).end(answer.body),
      );
    });
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sink: OtlpSink = {
    url: `${certificate ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    answer: () => ({ status: 200 }),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return sink;
}
