/** One HTTP POST with a deadline and a bounded answer, judged as notifiers judge it (RFC 9110: status codes, Retry-After). */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "../../core/kit/clock.ts";
import { describeError, singleLine, systemCode } from "../../core/kit/errors.ts";
import type { Receipt, RetryReason } from "./notifier.ts";

export interface PostRequest {
  readonly url: URL;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** For receivers whose 2xx may hold a refusal; asked with the whole answer. */
  readonly judgeAnswer?: (answer: string) => Receipt;
}

export type Post = (request: PostRequest) => Promise<Receipt>;

const maximumSockets = 16;
const maximumAnswerBytes = 4096;
/** Of an answer that has to be read to its end: Slack's repeats the message. */
const maximumJudgedBytes = 512 * 1024;
const maximumRetryAfterMilliseconds = 10 * 60_000;

/**
 * A function that posts JSON over kept-open connections. Redirects are not followed: a secret never goes elsewhere.
 * A sentence of its receipts names the receiver by host alone, because a path may hold a token.
 */
export function createPost(clock: Clock): Post {
  const options = { keepAlive: true, maxSockets: maximumSockets, maxFreeSockets: 2 };
  const agents = { http: new HttpAgent(options), https: new HttpsAgent(options) };
  return async (request) => {
    const { url, signal, judgeAnswer } = request;
    try {
      const response = await exchange(agents, request);
      const status = response.statusCode ?? 0;
      if (judgeAnswer && isSuccess(status))
        return judgeAnswer(await readAnswer(response, maximumJudgedBytes));
      // The status is the verdict; an answer that breaks off or never ends doesn't change it.
      const answer = await readAnswer(response, maximumAnswerBytes).catch(() => "");
      const text = singleLine(answer).slice(0, 300);
      return judge(response, `${url.host} answered ${status}${text && `: ${text}`}`, clock);
    } catch (thrown) {
      const reason = signal.aborted ? "timeout" : "connection";
      const what = signal.aborted
        ? "no answer in time"
        : systemCode(thrown) || describeError(thrown);
      return retryBecause(reason, `${url.host}: ${what}`);
    }
  };
}

function exchange(
  agents: { readonly http: HttpAgent; readonly https: HttpsAgent },
  { url, body, headers, signal }: PostRequest,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === "https:";
    const start = secure ? httpsRequest : httpRequest;
    const bytes = Buffer.from(body);
    const request = start(url, {
      method: "POST",
      agent: secure ? agents.https : agents.http,
      signal,
      headers: {
        "content-type": "application/json",
        "content-length": bytes.length,
        "user-agent": "warpwatch",
        ...headers,
      },
    });
    request.once("response", resolve);
    request.once("error", reject);
    request.end(bytes);
  });
}

/** The beginning of the body; what is beyond the bound closes the connection. */
async function readAnswer(response: IncomingMessage, maximumBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length > maximumBytes) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Another attempt at once or after the usual wait: the receiver named no time. */
export function retryBecause(reason: RetryReason, sentence: string): Receipt {
  return { outcome: "retry", reason, sentence, retryAfterMilliseconds: 0 };
}

function judge(response: IncomingMessage, sentence: string, clock: Clock): Receipt {
  const status = response.statusCode ?? 0;
  if (isSuccess(status)) return { outcome: "accepted" };
  if (status === 429 || status >= 500)
    return {
      outcome: "retry",
      reason: status === 429 ? "rate_limited" : "server_error",
      sentence,
      retryAfterMilliseconds: readRetryAfter(response.headers["retry-after"], clock.now()),
    };
  return { outcome: "refused", sentence };
}

/** Seconds or an HTTP date; bounded, because a receiver may not silence us for a day. */
function readRetryAfter(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  const wanted = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(wanted) ? 0 : Math.min(Math.max(wanted, 0), maximumRetryAfterMilliseconds);
}
