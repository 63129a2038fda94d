/** One HTTP POST with a deadline and a bounded answer, judged as notifiers judge it (RFC 9110: status codes, Retry-After). */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "../../core/kit/clock.ts";
import { describeError, singleLine, systemCode } from "../../core/kit/errors.ts";
import type { Receipt } from "./notifier.ts";

interface PostRequest {
  readonly url: URL;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export type Post = (request: PostRequest) => Promise<Receipt>;

const maximumSockets = 16;
const maximumAnswerBytes = 4096;
const maximumRetryAfterMilliseconds = 10 * 60_000;

/**
 * A function that posts JSON over kept-open connections. Redirects are not followed: a secret never goes elsewhere.
 * A sentence of its receipts names the receiver by host alone, because a path may hold a token.
 */
export function createPost(clock: Clock): Post {
  const options = { keepAlive: true, maxSockets: maximumSockets, maxFreeSockets: 2 };
  const agents = { http: new HttpAgent(options), https: new HttpsAgent(options) };
  return async ({ url, body, headers, signal }) => {
    try {
      const response = await exchange(agents, { url, body, signal, ...(headers && { headers }) });
      // The status is the verdict; an answer that breaks off or never ends doesn't change it.
      const answer = await readAnswer(response).catch(() => "");
      return judge(response, `${url.host} answered ${response.statusCode}${answer}`, clock);
    } catch (thrown) {
      const reason = signal.aborted ? "timeout" : "connection";
      const what = signal.aborted
        ? "no answer in time"
        : systemCode(thrown) || describeError(thrown);
      return {
        outcome: "retry",
        reason,
        sentence: `${url.host}: ${what}`,
        retryAfterMilliseconds: 0,
      };
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

/** The beginning of the body, as a part of a sentence; what is beyond the bound closes the connection. */
async function readAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length > maximumAnswerBytes) break;
  }
  const text = singleLine(Buffer.concat(chunks).toString("utf8")).slice(0, 300);
  return text === "" ? "" : `: ${text}`;
}

function judge(response: IncomingMessage, sentence: string, clock: Clock): Receipt {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return { outcome: "accepted" };
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
