/**
 * Routes by which measurements come in, on node:http itself: a request is judged before its body is read, its body is
 * taken as it comes. They carry nearly all of what a collector is sent, so nothing is on their way that they don't need.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import { headOf, pathOf, type Guard } from "./guard.ts";
import type { ApiAnswer, ApiRoute } from "./routes.ts";

export interface RawRoutes {
  /** Answers it, and says so; false: the request is for none of these routes. */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
  /** Whoever asks from now on is told to ask again. */
  close(): void;
}

export interface RawRoutesOptions {
  /** Those among them that have `rawBody` are served: one for a path, and the path is exact. */
  readonly routes: readonly ApiRoute[];
  readonly guard: Guard;
  readonly log: Log;
}

type RawRoute = ApiRoute & { readonly rawBody: NonNullable<ApiRoute["rawBody"]> };

export const commonHeaders = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/** What is left of the body isn't read: the connection ends with the answer. */
const lastAnswer = { connection: "close" } as const;

export function createRawRoutes({ routes, guard, log }: RawRoutesOptions): RawRoutes {
  const byPath = new Map(routes.filter(isRaw).map((route) => [route.path, route]));
  let closing = false;

  async function answer(
    route: RawRoute,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const began = guard.now();
    // Without a listener, an answer to one who has hung up would end the process.
    response.on("error", ignore);
    let given: ApiAnswer | null;
    try {
      given = closing ? closed : (guard.judge(request) ?? (await take(route, request, response)));
    } catch (thrown) {
      complain(thrown);
      given = failed;
    }
    if (given === null || response.destroyed) return;
    try {
      send(response, given);
    } catch (thrown) {
      // Half an answer can't be taken back.
      complain(thrown);
      response.destroy();
    }
    guard.answered(request, given.status, began);
  }

  function complain(thrown: unknown): void {
    log.error(`a request could not be answered: ${describeError(thrown)}`);
  }

  return {
    serve(request, response) {
      const route = byPath.get(pathOf(request.url ?? ""));
      if (route === undefined || route.method !== request.method) return false;
      void answer(route, request, response);
      return true;
    },
    close() {
      closing = true;
    },
  };
}

const closed: ApiAnswer = {
  status: 503,
  headers: { ...lastAnswer, "retry-after": "5" },
  body: { error: "the collector is about to end" },
};
const failed: ApiAnswer = {
  status: 500,
  headers: lastAnswer,
  body: { error: "this request could not be answered" },
};

function isRaw(route: ApiRoute): route is RawRoute {
  return route.rawBody !== undefined;
}

/** Null when whoever asked is gone before there is anything to answer. */
async function take(
  { rawBody: { limitBytes, refuse, ended }, handle }: RawRoute,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<ApiAnswer | null> {
  const head = headOf(request);
  const refused = refuse ? await refuse(head) : null;
  if (refused) return { ...refused, headers: { ...refused.headers, ...lastAnswer } };
  // It may have ended while it waited to be judged.
  if (response.destroyed) {
    ended?.(head);
    return null;
  }
  if (ended) response.once("close", () => ended(head));
  const body = await readBody(request, limitBytes);
  if (body === "gone") return null;
  if (body !== "too large") return handle({ ...head, body });
  const sentence = `a body may have ${limitBytes} bytes`;
  return { status: 413, headers: lastAnswer, body: { error: sentence } };
}

function readBody(
  request: IncomingMessage,
  limitBytes: number,
): Promise<Buffer | "too large" | "gone"> {
  if (Number(request.headers["content-length"] ?? 0) > limitBytes)
    return Promise.resolve("too large");
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const add = (part: Buffer): void => {
      bytes += part.length;
      if (bytes <= limitBytes) return void parts.push(part);
      request.off("data", add).pause();
      resolve("too large");
    };
    request.on("data", add);
    request.on("end", () => {
      const [first] = parts;
      resolve(first && parts.length === 1 ? first : Buffer.concat(parts, bytes));
    });
    request.on("error", () => resolve("gone"));
  });
}

function send(response: ServerResponse, { status, headers, body }: ApiAnswer): void {
  if (status === 204) {
    response.writeHead(status, { ...commonHeaders, ...headers });
    response.end();
    return;
  }
  const content = contentOf(body);
  response.writeHead(status, {
    "content-type": contentTypeOf(body),
    "content-length": Buffer.byteLength(content),
    ...commonHeaders,
    ...headers,
  });
  response.end(content);
}

export function contentOf(body: unknown): string | Buffer {
  return typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
}

export function contentTypeOf(body: unknown): string {
  return typeof body === "string" ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
}

function ignore(): void {
  // The connection is gone, and with it whoever could be told.
}
