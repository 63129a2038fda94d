/** A Prometheus-compatible store, asked in PromQL over its HTTP API (prometheus.io/docs/prometheus/latest/querying/api). */
import { Agent, request, type IncomingMessage } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import type { Clock } from "../../../core/kit/clock.ts";
import { describeError, singleLine, systemCode, WarpwatchError } from "../../../core/kit/errors.ts";
import { version } from "../../../core/kit/version.ts";
import { authorizationOf } from "../remote-write/post.ts";
import type { BackfillSettings } from "./settings.ts";

/** One series of an answer. */
export interface StoreSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Unix seconds and the value as a text. */
  readonly samples: readonly (readonly [number, string])[];
}

export interface PromStore {
  /** Throws BACKFILL_FAILED with one sentence, whatever is wrong. */
  rangeQuery(
    query: string,
    startMilliseconds: number,
    endMilliseconds: number,
    stepMilliseconds: number,
  ): Promise<StoreSeries[]>;
  /** What a range selector (`up[5m]`) gives: every sample as it was stored. Throws BACKFILL_FAILED. */
  samples(selector: string, endMilliseconds: number): Promise<StoreSeries[]>;
  /** Ends what is under way. */
  close(): void;
}

const maximumBodyBytes = 64 * 1024 * 1024;
const connections = 4;

export function createPromStore(settings: BackfillSettings, clock: Clock): PromStore {
  const { url } = settings;
  const secure = url.protocol === "https:";
  const agent = new (secure ? SecureAgent : Agent)({ keepAlive: true, maxSockets: connections });
  const closing = new AbortController();
  const base = url.pathname.replace(/\/$/, "");

  async function ask(path: string, parameters: Record<string, string>): Promise<StoreSeries[]> {
    const deadline = new AbortController();
    const timer = clock.after(settings.timeoutMilliseconds, () => deadline.abort());
    try {
      const signal = AbortSignal.any([closing.signal, deadline.signal]);
      const response = await exchange(`${base}/api/v1/${path}`, parameters, signal);
      const body = await readBody(response);
      return readAnswer(response.statusCode ?? 0, body);
    } catch (thrown) {
      if (deadline.signal.aborted)
        throw failed(`doesn't answer within ${settings.timeoutMilliseconds / 1000} s`, thrown);
      throw failed(systemCode(thrown) || describeError(thrown), thrown);
    } finally {
      timer.cancel();
    }
  }

  /** As a form, since a selector may be longer than an address. */
  function exchange(
    path: string,
    parameters: Record<string, string>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const form = new URLSearchParams({ ...parameters, nocache: "1" }).toString();
      const headers = {
        ...authorizationOf(settings),
        "content-type": "application/x-www-form-urlencoded",
        "content-length": Buffer.byteLength(form),
        accept: "application/json",
        "user-agent": `warpwatch/${version}`,
      };
      const target = new URL(url);
      target.pathname = path;
      const sent = (secure ? secureRequest : request)(target, {
        method: "POST",
        agent,
        signal,
        headers,
      });
      sent.once("error", reject);
      sent.once("response", resolve);
      sent.end(form);
    });
  }

  function failed(how: string, cause: unknown): WarpwatchError {
    return new WarpwatchError("BACKFILL_FAILED", `${url.host}: ${how}`, { cause });
  }

  return {
    rangeQuery: (query, start, end, step) =>
      ask("query_range", {
        query,
        start: String(start / 1000),
        end: String(end / 1000),
        step: String(step / 1000),
      }),
    samples: (selector, end) => ask("query", { query: selector, time: String(end / 1000) }),
    close() {
      closing.abort();
      agent.destroy();
    },
  };
}

async function readBody(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maximumBodyBytes) {
      response.destroy();
      throw new Error(`the answer is over ${maximumBodyBytes} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** `{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {…}, "values": [[<seconds>, "<value>"], …]}]}}` */
function readAnswer(status: number, body: string): StoreSeries[] {
  if (status !== 200)
    throw new Error(`it answered ${status}: ${singleLine(body).slice(0, 300)}`.replace(/: $/, ""));
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    throw new Error("its answer isn't JSON");
  }
  const data = fieldOf(answer, "data");
  const result = fieldOf(data, "result");
  if (fieldOf(answer, "status") !== "success" || fieldOf(data, "resultType") !== "matrix")
    throw new Error("its answer isn't that of Prometheus' API");
  if (!Array.isArray(result)) throw new Error("its answer has no series");
  return result.map(readSeries);
}

function readSeries(series: unknown): StoreSeries {
  const labels = fieldOf(series, "metric");
  const samples = fieldOf(series, "values");
  if (!isLabels(labels) || !isSamples(samples))
    throw new Error("a series in its answer has no labels or no samples");
  return { labels, samples };
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Record<string, unknown>)[name];
}

function isLabels(value: unknown): value is Record<string, string> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((text) => typeof text === "string")
  );
}

function isSamples(value: unknown): value is [number, string][] {
  return (
    Array.isArray(value) &&
    value.every(
      (sample) =>
        Array.isArray(sample) && typeof sample[0] === "number" && typeof sample[1] === "string",
    )
  );
}
