/** One remote-write request to a store, and what its answer means for the batch (prometheus.io/docs/specs/prw: Retries & Backoff). */
import { readFileSync } from "node:fs";
import { Agent, request, type IncomingMessage } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { text } from "node:stream/consumers";
import type { Clock } from "../../../core/kit/clock.ts";
import { describeError, singleLine, systemCode } from "../../../core/kit/errors.ts";
import { version } from "../../../core/kit/version.ts";
import type { RemoteStoreSettings } from "./settings.ts";

/** `refused`: this batch will never be taken. `retry`: the store, or the way to it, is at fault. */
export type Verdict =
  | { readonly outcome: "accepted" }
  | { readonly outcome: "refused"; readonly sentence: string }
  | {
      readonly outcome: "retry";
      readonly sentence: string;
      readonly waitMilliseconds: number;
    };

export interface StorePost {
  send(body: Buffer, signal: AbortSignal): Promise<Verdict>;
  close(): void;
}

const longestWaitMilliseconds = 10 * 60_000;
/** Not the batch is wrong but the address or the credentials: somebody mends them, and nothing is lost meanwhile. */
const settingsAtFault: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 415]);
const retried: ReadonlySet<number> = new Set([408, 429]);

export function createStorePost(settings: RemoteStoreSettings, clock: Clock): StorePost {
  const { url, timeoutMilliseconds } = settings;
  const secure = url.protocol === "https:";
  const agent = new (secure ? SecureAgent : Agent)({ keepAlive: true, maxSockets: 16 });
  const isNew = settings.protocol === "2.0";
  const fixed = {
    ...settings.headers,
    "content-encoding": "snappy",
    "content-type": isNew
      ? "application/x-protobuf;proto=io.prometheus.write.v2.Request"
      : "application/x-protobuf",
    "x-prometheus-remote-write-version": isNew ? "2.0.0" : "0.1.0",
    "user-agent": `warpwatch/${version}`,
  };

  function exchange(body: Buffer, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { ...fixed, ...authorizationOf(settings), "content-length": body.length };
      const options = { method: "POST", agent, signal, headers };
      const sent = (secure ? secureRequest : request)(url, options);
      sent.once("error", reject);
      sent.once("response", resolve);
      sent.end(body);
    });
  }

  return {
    async send(body, signal) {
      const deadline = new AbortController();
      const timer = clock.after(timeoutMilliseconds, () => deadline.abort());
      try {
        const response = await exchange(body, AbortSignal.any([signal, deadline.signal]));
        return judge(response, singleLine(await text(response)).slice(0, 300), url, clock.now());
      } catch (thrown) {
        const sentence = deadline.signal.aborted
          ? `${url.host} doesn't answer within ${timeoutMilliseconds / 1000} s`
          : `${url.host}: ${systemCode(thrown) || describeError(thrown)}`;
        return { outcome: "retry", sentence, waitMilliseconds: 0 };
      } finally {
        timer.cancel();
      }
    },
    close: () => agent.destroy(),
  };
}

function judge(response: IncomingMessage, answer: string, url: URL, now: number): Verdict {
  const status = response.statusCode ?? 0;
  const sentence = `${url.host} answered ${status}${answer === "" ? "" : `: ${answer}`}`;
  if (status >= 200 && status < 300) return { outcome: "accepted" };
  const isRefusal =
    status >= 400 && status < 500 && !settingsAtFault.has(status) && !retried.has(status);
  if (isRefusal) return { outcome: "refused", sentence };
  const waitMilliseconds = readRetryAfter(response.headers["retry-after"], now);
  return { outcome: "retry", sentence, waitMilliseconds };
}

/** Files are read each time, so that a secret can be changed without a restart. */
export function authorizationOf({
  tokenFile,
  user,
}: Pick<RemoteStoreSettings, "tokenFile" | "user">): Record<string, string> {
  const read = (file: string): string => readFileSync(file, "utf8").trim();
  if (tokenFile !== null) return { authorization: `Bearer ${read(tokenFile)}` };
  if (user === null) return {};
  const pair = Buffer.from(`${user.name}:${read(user.passwordFile)}`).toString("base64");
  return { authorization: `Basic ${pair}` };
}

function readRetryAfter(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  const wanted = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(wanted) ? 0 : Math.min(Math.max(wanted, 0), longestWaitMilliseconds);
}
