/** One OTLP request and what its answer means (opentelemetry.io/docs/specs/otlp: OTLP/HTTP Response, Retryable Response Codes). */
import { readFileSync } from "node:fs";
import type { Agent, IncomingMessage, request as Request } from "node:http";
import { gzipSync } from "node:zlib";
import type { Clock } from "../kit/clock.ts";
import { describeError, singleLine, systemCode, WarpwatchError } from "../kit/errors.ts";
import { version } from "../kit/version.ts";
import { otlpContentTypes } from "./otlp-answer.ts";
import { readFields, readText } from "./protobuf.ts";

export interface OtlpEndpoint {
  /** Names it in metrics and in the log. */
  readonly name: string;
  readonly url: URL;
  readonly tokenFile: string | null;
  /** Beside those of the protocol. Read once. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: the system's authorities vouch for it. */
  readonly authorityFile: string | null;
  readonly compression: "gzip" | "none";
  readonly timeoutMilliseconds: number;
  /** What waits in memory while it can't be reached. */
  readonly queueBytes: number;
}

/** `accepted`, where the receiver may have left some points out. `refused`: it will never be taken. */
export type OtlpVerdict =
  | { readonly outcome: "accepted"; readonly rejected: number; readonly sentence: string }
  | { readonly outcome: "refused"; readonly sentence: string }
  | { readonly outcome: "retry"; readonly sentence: string; readonly waitMilliseconds: number };

export interface OtlpPost {
  pack(message: Buffer): Buffer;
  send(body: Buffer, signal: AbortSignal): Promise<OtlpVerdict>;
  close(): void;
}

/** The specification's; every other answer is final. */
const retried: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const maximumAnswerBytes = 64 * 1024;
const longestWaitMilliseconds = 10 * 60_000;
const fastest = { level: 1 };

/** Throws STATE_UNUSABLE where the authority can't be read. */
export function createOtlpPost(endpoint: OtlpEndpoint, clock: Clock): OtlpPost {
  const { url, compression, timeoutMilliseconds } = endpoint;
  const authority = authorityOf(endpoint.authorityFile);
  let opened: Promise<Transport> | null = null;
  const fixed = {
    ...endpoint.headers,
    "content-type": otlpContentTypes.protobuf,
    ...(compression === "gzip" ? { "content-encoding": "gzip" } : {}),
    "user-agent": `warpwatch/${version}`,
  };

  async function exchange(body: Buffer, signal: AbortSignal): Promise<IncomingMessage> {
    const { agent, request } = await (opened ??= openTransport(url, authority));
    return new Promise((resolve, reject) => {
      const headers = { ...fixed, ...authorizationOf(endpoint), "content-length": body.length };
      const sent = request(url, { method: "POST", agent, signal, headers });
      sent.once("error", reject);
      sent.once("response", resolve);
      sent.end(body);
    });
  }

  return {
    pack: (message) => (compression === "gzip" ? gzipSync(message, fastest) : message),
    async send(body, signal) {
      const deadline = new AbortController();
      const timer = clock.after(timeoutMilliseconds, () => deadline.abort());
      try {
        const response = await exchange(body, AbortSignal.any([signal, deadline.signal]));
        return judge(response, await readAnswer(response), url, clock.now());
      } catch (thrown) {
        const sentence = deadline.signal.aborted
          ? `${url.host} doesn't answer within ${timeoutMilliseconds / 1000} s`
          : `${url.host}: ${systemCode(thrown) || describeError(thrown)}`;
        return { outcome: "retry", sentence, waitMilliseconds: 0 };
      } finally {
        timer.cancel();
      }
    },
    close: () => void opened?.then(({ agent }) => agent.destroy()),
  };
}

interface Transport {
  readonly agent: Agent;
  readonly request: typeof Request;
}

/** TLS takes 5 MB, which who sends in the clear doesn't need. */
async function openTransport(url: URL, authority: { ca?: Buffer }): Promise<Transport> {
  const settings = { keepAlive: true, maxSockets: 1 };
  if (url.protocol === "https:") {
    const { Agent, request } = await import("node:https");
    return { agent: new Agent({ ...settings, ...authority }), request };
  }
  const { Agent, request } = await import("node:http");
  return { agent: new Agent(settings), request };
}

async function readAnswer(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    // What a person may read stands at the beginning.
    if (length <= maximumAnswerBytes) chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function judge(response: IncomingMessage, answer: Buffer, url: URL, now: number): OtlpVerdict {
  const status = response.statusCode ?? 0;
  const isProtobuf =
    response.headers["content-type"]?.startsWith(otlpContentTypes.protobuf) === true;
  if (status >= 200 && status < 300) {
    const { number, text } = isProtobuf ? readPartialSuccess(answer) : nothingSaid;
    return {
      outcome: "accepted",
      rejected: number,
      sentence: `${url.host} left out ${number} points: ${text}`,
    };
  }
  const said = isProtobuf ? readNumberAndText(answer).text : singleLine(answer.toString("utf8"));
  const sentence = `${url.host} answered ${status}${said === "" ? "" : `: ${said.slice(0, 300)}`}`;
  if (!retried.has(status)) return { outcome: "refused", sentence };
  const waitMilliseconds = readRetryAfter(response.headers["retry-after"], now);
  return { outcome: "retry", sentence, waitMilliseconds };
}

const nothingSaid = { number: 0, text: "" };

/** `Response = partial_success = 1` */
function readPartialSuccess(answer: Buffer): { number: number; text: string } {
  try {
    const partial = readFields(answer).find(({ number }) => number === 1);
    return partial ? readNumberAndText(partial.bytes) : nothingSaid;
  } catch {
    return nothingSaid;
  }
}

/** A partial success and a status alike. */
function readNumberAndText(message: Buffer): { number: number; text: string } {
  try {
    const fields = readFields(message);
    const text = fields.find(({ number }) => number === 2);
    return {
      number: fields.find(({ number }) => number === 1)?.value ?? 0,
      text: text ? singleLine(readText(text)) : "",
    };
  } catch {
    return nothingSaid;
  }
}

/** The file is read each time, so that a token can be changed without a restart. */
function authorizationOf({ tokenFile }: OtlpEndpoint): Record<string, string> {
  if (tokenFile === null) return {};
  return { authorization: `Bearer ${readFileSync(tokenFile, "utf8").trim()}` };
}

function authorityOf(file: string | null): { ca?: Buffer } {
  if (file === null) return {};
  try {
    return { ca: readFileSync(file) };
  } catch (cause) {
    const sentence = `the authorities in ${file} can't be read (${systemCode(cause)})`;
    throw new WarpwatchError("STATE_UNUSABLE", sentence, { cause });
  }
}

function readRetryAfter(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  const wanted = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(wanted) ? 0 : Math.min(Math.max(wanted, 0), longestWaitMilliseconds);
}
