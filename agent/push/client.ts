/** Requests to the collector over kept-alive connections, and what became of it, in words for the log. */
import { Agent, request, type IncomingMessage } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import type { Clock } from "../../core/kit/clock.ts";
import { describeError, singleLine, systemCode } from "../../core/kit/errors.ts";
import { readTokenFile } from "../../core/kit/state-folder.ts";
import { createTlsFiles, type ClientTlsSettings } from "../../core/kit/tls-files.ts";

/**
 * `settled`: the collector has it. `again`: it lost the session. `later`: it asks for time. `too_large`, `refused`: as it
 * is it will never be taken. `denied`: token, name or role are wrong. `unreachable`: nobody knows whether it arrived.
 */
export type PushResult =
  | { readonly kind: "settled"; readonly refused: number }
  | { readonly kind: "again" }
  | { readonly kind: "later"; readonly waitMilliseconds: number; readonly sentence: string }
  | {
      readonly kind: "too_large" | "refused" | "denied" | "unreachable";
      readonly sentence: string;
    };

export interface PushMessage {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export type Post = (message: PushMessage) => Promise<PushResult>;

export interface PushClient {
  readonly post: Post;
  close(): void;
}

export interface PushClientOptions {
  readonly url: URL;
  readonly tokenFile: string;
  readonly tls: ClientTlsSettings;
  readonly clock: Clock;
  /** Hears once of certificates that can't be used; the ones before stay. */
  readonly onError: (sentence: string) => void;
}

const timeoutMilliseconds = 10_000;
const maximumAnswerBytes = 64 * 1024;
const longestWaitMilliseconds = 60_000;

/** Throws STATE_UNUSABLE where the token can't be read, TLS_UNUSABLE where certificates can't be used. */
export function createPushClient(options: PushClientOptions): PushClient {
  const { url, clock } = options;
  const secure = url.protocol === "https:";
  // One for live frames; others only while an event or a replay is on its way, for neither may wait behind the other.
  const settings = { keepAlive: true, maxSockets: 3, maxFreeSockets: 3 };
  const plain = new Agent(settings);
  const files = secure ? createTlsFiles(options.tls, clock, options.onError) : null;
  let tls = files?.current();
  let secured = new SecureAgent({ ...settings, ...tls });
  let token = readTokenFile(options.tokenFile).token;

  /** Who exchanges a certificate need not restart the agent. */
  function agentNow(): Agent {
    if (files === null) return plain;
    const now = files.current();
    if (now !== tls) {
      secured.destroy();
      secured = new SecureAgent({ ...settings, ...now });
      tls = now;
    }
    return secured;
  }

  function send({ path, headers, body }: PushMessage): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const target = new URL(url.pathname.replace(/\/$/, "") + path, url);
      const sent = (secure ? secureRequest : request)(target, {
        agent: agentNow(),
        method: "POST",
        headers: {
          ...headers,
          authorization: `Bearer ${token}`,
          "content-length": body.length,
          "user-agent": "Warpwatch",
        },
      });
      const timer = clock.after(timeoutMilliseconds, () => {
        sent.destroy(new Error(`no answer within ${timeoutMilliseconds / 1000} s`));
      });
      sent.on("error", (cause) => {
        timer.cancel();
        reject(cause);
      });
      sent.on("response", (response) => {
        readAnswer(response)
          .then(resolve, reject)
          .finally(() => timer.cancel());
      });
      sent.end(body);
    });
  }

  return {
    async post(message) {
      try {
        const answer = await send(message);
        // Who exchanges the token need not restart the agent.
        if (answer.status === 401) token = rereadToken(options.tokenFile, token);
        return judge(answer, url.host);
      } catch (thrown) {
        return { kind: "unreachable", sentence: tellConnection(thrown, url.host) };
      }
    },
    close() {
      plain.destroy();
      secured.destroy();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string;
  readonly text: string;
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maximumAnswerBytes)
      throw new Error("the answer is no collector's: it is too long");
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers["retry-after"] ?? "",
    text: Buffer.concat(chunks).toString("utf8"),
  };
}

function judge({ status, retryAfter, text }: Answer, host: string): PushResult {
  const said = parse(text);
  if (status === 200) {
    if (typeof said["acknowledged"] === "number")
      return { kind: "settled", refused: Number(said["refused"] ?? 0) };
    return { kind: "unreachable", sentence: `${host} answers, but not as a collector does` };
  }
  if (status === 409) return { kind: "again" };
  const reason = typeof said["error"] === "string" ? singleLine(said["error"]).slice(0, 300) : "";
  const sentence = `the collector at ${host} answered ${status}${reason === "" ? "" : `: ${reason}`}`;
  if (status === 429 || status >= 500) {
    const seconds = /^\d{1,4}$/.test(retryAfter) ? Number(retryAfter) : 1;
    const waitMilliseconds = Math.min(seconds * 1000, longestWaitMilliseconds);
    return { kind: "later", waitMilliseconds, sentence };
  }
  if (status === 413) return { kind: "too_large", sentence };
  return { kind: refusalKind(status), sentence };
}

/** A wrong address or a proxy in between is mended from outside: what waits is kept until then. */
function refusalKind(status: number): "denied" | "refused" | "unreachable" {
  if (status === 401 || status === 403) return "denied";
  return status === 400 ? "refused" : "unreachable";
}

function parse(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function rereadToken(file: string, before: string): string {
  try {
    return readTokenFile(file).token;
  } catch {
    return before;
  }
}

const certificateCodes =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;

function tellConnection(thrown: unknown, host: string): string {
  const code = systemCode(thrown);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `the certificate of ${host} is for another name (${code}): set --push.url to a name that is in it`;
  if (/^ERR_SSL_.*(CERTIFICATE_REQUIRED|ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE))/.test(code))
    return `${host} refused the agent's certificate (${code}): --push.cert-file and --push.key-file must name one that its client_ca_file vouches for`;
  if (certificateCodes.test(code))
    return `the certificate of ${host} isn't trusted (${code}): give its authority with --push.ca-file`;
  if (code === "EPROTO" || code.startsWith("ERR_SSL"))
    return `${host} doesn't speak TLS as expected (${code}): is --push.url to begin with http:// or https://?`;
  return `${host} can't be reached: ${describeError(thrown)}`;
}
