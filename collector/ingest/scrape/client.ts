/**
 * Fetches a metrics page over kept-alive connections, with a deadline for the whole answer and bounds before and after
 * unpacking. node:http itself: its answers cost less than half of what fetch's do.
 */
import { Agent, request, type IncomingMessage } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Clock } from "../../../core/kit/clock.ts";
import { singleLine, systemCode, WarpwatchError } from "../../../core/kit/errors.ts";
import type { ClientTls } from "../../../core/kit/tls-files.ts";
import type { ExpositionFormat } from "../../../core/wire/exposition.ts";

interface Page {
  readonly body: Buffer;
  readonly format: ExpositionFormat;
}

interface FetchOptions {
  readonly url: URL;
  readonly timeoutMilliseconds: number;
  readonly bodyLimitBytes: number;
  /** As the target's job has them now; `authorization` among them. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The same object until the job's files change: connections are kept per object. Left out: the system's authorities. */
  readonly tls?: ClientTls | undefined;
}

export interface ScrapeClient {
  /** Throws TARGET_UNREACHABLE, TARGET_TIMEOUT, TARGET_REFUSED or TARGET_TOO_LARGE. */
  fetch(options: FetchOptions): Promise<Page>;
  /** Ends the connections that were made with these certificates. */
  forget(tls: ClientTls): void;
  close(): void;
}

const unpack = promisify(gunzip);
const accept =
  "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
const maximumHeaderBytes = 32 * 1024;

export function createScrapeClient(clock: Clock, maximumConnections: number): ScrapeClient {
  const options = { keepAlive: true, maxTotalSockets: maximumConnections, maxFreeSockets: 256 };
  const agent = new Agent(options);
  const secureAgent = new SecureAgent(options);
  const ownAgents = new Map<ClientTls, SecureAgent>();

  return {
    async fetch({ url, timeoutMilliseconds, bodyLimitBytes, headers, tls }) {
      const deadline = new AbortController();
      const timer = clock.after(timeoutMilliseconds, () => deadline.abort());
      try {
        const response = await open(url, deadline.signal, headers, tls);
        const packed = await readBody(response, bodyLimitBytes);
        const body = await decode(packed, response, bodyLimitBytes);
        return { body, format: formatOf(response) };
      } catch (thrown) {
        if (deadline.signal.aborted)
          throw new WarpwatchError(
            "TARGET_TIMEOUT",
            `no whole answer within ${timeoutMilliseconds / 1000} s`,
            { cause: thrown },
          );
        throw thrown;
      } finally {
        timer.cancel();
        // Also ends what is left of an answer that was refused.
        deadline.abort();
      }
    },
    forget(tls) {
      ownAgents.get(tls)?.destroy();
      ownAgents.delete(tls);
    },
    close() {
      for (const one of [agent, secureAgent, ...ownAgents.values()]) one.destroy();
    },
  };

  function agentOf(tls: ClientTls | undefined): SecureAgent {
    if (tls === undefined) return secureAgent;
    let own = ownAgents.get(tls);
    if (!own) ownAgents.set(tls, (own = new SecureAgent({ ...options, ...tls })));
    return own;
  }

  function open(
    url: URL,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> | undefined,
    tls: ClientTls | undefined,
  ): Promise<IncomingMessage> {
    const secure = url.protocol === "https:";
    return new Promise((resolve, reject) => {
      const sent = (secure ? secureRequest : request)(url, {
        agent: secure ? agentOf(tls) : agent,
        signal,
        maxHeaderSize: maximumHeaderBytes,
        headers: { accept, "accept-encoding": "gzip", "user-agent": "Warpwatch", ...headers },
      });
      sent.on("error", (cause) => reject(unreachable(cause)));
      sent.on("response", resolve);
      sent.end();
    });
  }
}

async function readBody(response: IncomingMessage, limit: number): Promise<Buffer> {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400)
    throw new WarpwatchError(
      "TARGET_REFUSED",
      `answered with a redirect (${status}) to ${singleLine(response.headers.location ?? "nowhere").slice(0, 200)}, which isn't followed`,
    );
  if (status !== 200) throw new WarpwatchError("TARGET_REFUSED", `answered with status ${status}`);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw tooLarge(`the answer is over ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof WarpwatchError ? cause : unreachable(cause);
  }
  return Buffer.concat(chunks, length);
}

async function decode(packed: Buffer, response: IncomingMessage, limit: number): Promise<Buffer> {
  const coding = (response.headers["content-encoding"] ?? "identity").toLowerCase();
  if (coding === "identity" || coding === "") return packed;
  if (coding !== "gzip" && coding !== "x-gzip")
    throw new WarpwatchError("TARGET_REFUSED", `answered in the coding ${singleLine(coding)}`);
  try {
    return await unpack(packed, { maxOutputLength: limit });
  } catch (cause) {
    if (systemCode(cause) === "ERR_BUFFER_TOO_LARGE")
      throw tooLarge(`the answer unpacks to more than ${limit} bytes`);
    throw new WarpwatchError("EXPOSITION_MALFORMED", "the answer isn't the gzip it says it is", {
      cause,
    });
  }
}

function formatOf(response: IncomingMessage): ExpositionFormat {
  const type = (response.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  return type === "application/openmetrics-text" ? "openmetrics" : "text";
}

function tooLarge(sentence: string): WarpwatchError {
  return new WarpwatchError("TARGET_TOO_LARGE", sentence);
}

/** What the system says of a connection, in words that don't need a manual. */
const connectionWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens at that address",
  ECONNRESET: "the connection was cut before the answer was whole",
  ENOTFOUND: "the name has no address",
  EAI_AGAIN: "the name service doesn't answer",
  EHOSTUNREACH: "there is no way to that host",
  ENETUNREACH: "there is no way to that network",
  EPIPE: "the connection was cut",
  HPE_HEADER_OVERFLOW: `the answer's headers are over ${maximumHeaderBytes} bytes`,
};

function unreachable(cause: unknown): WarpwatchError {
  const code = systemCode(cause);
  const words = connectionWords[code];
  const said = cause instanceof Error ? singleLine(cause.message).slice(0, 200) : "";
  const sentence =
    words === undefined ? `the request failed: ${said || code}` : `${words} (${code})`;
  return new WarpwatchError("TARGET_UNREACHABLE", sentence, { cause });
}
