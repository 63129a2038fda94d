/**
 * Asks one target for its metrics page over a connection that is kept, with a deadline for the whole answer and bounds before
 * and after unpacking. A plain socket: node:http and fetch take new memory for every piece of an answer.
 */
import { connect, isIP, type Socket } from "node:net";
import { connect as secureConnect } from "node:tls";
import type { Clock } from "../../../core/kit/clock.ts";
import { singleLine, systemCode, WarpwatchError } from "../../../core/kit/errors.ts";
import type { ClientTls } from "../../../core/kit/tls-files.ts";
import type { ExpositionFormat } from "../../../core/wire/exposition.ts";
import { createAnswerReader, type AnswerReader } from "./answer.ts";
import { createBodyMemory, type BodyMemory } from "./body-memory.ts";
import { createGunzip, type Gunzip } from "./gunzip.ts";

interface Page {
  readonly body: Buffer;
  readonly format: ExpositionFormat;
}

interface FetchOptions {
  readonly timeoutMilliseconds: number;
  readonly bodyLimitBytes: number;
  /** As the target's job has them now; `authorization` among them. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The same object until the job's files change: a connection that was made with another is ended. Left out: the system's authorities. */
  readonly tls?: ClientTls | undefined;
}

export interface ScrapeClient {
  /**
   * Gives the page to `read`, whose result it resolves to; the page's memory is used again once `read` returns.
   * Throws TARGET_UNREACHABLE, TARGET_TIMEOUT, TARGET_REFUSED, TARGET_TOO_LARGE, EXPOSITION_MALFORMED or what `read` throws.
   */
  fetch<Result>(options: FetchOptions, read: (page: Page) => Result): Promise<Result>;
  close(): void;
}

/** What all clients of a scraper use in turns. */
export interface ScrapeMemory {
  readonly received: Buffer;
  readonly bodies: BodyMemory;
  readonly gunzip: Gunzip;
}

export function createScrapeMemory(): ScrapeMemory {
  return {
    received: Buffer.allocUnsafeSlow(receivedBytes),
    bodies: createBodyMemory(),
    gunzip: createGunzip(),
  };
}

/** One request and what becomes of it. */
interface Asked {
  readonly request: string;
  readonly tls: ClientTls | undefined;
  /** Has the whole answer. */
  readonly answered: (answer: AnswerReader) => void;
  readonly failed: (cause: unknown) => void;
  /** A connection that was kept may be gone by now: what it didn't answer at all is asked once more. */
  mayAskAgain: boolean;
}

const receivedBytes = 64 * 1024;
const accept =
  "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";

/** One request at a time. */
export function createScrapeClient(url: URL, clock: Clock, memory: ScrapeMemory): ScrapeClient {
  const answer = createAnswerReader(memory.bodies);
  let socket: Socket | null = null;
  let socketTls: ClientTls | undefined;
  let asked: Asked | null = null;

  function send(): void {
    if (asked === null) return;
    if (socket !== null && (socket.destroyed || socketTls !== asked.tls)) drop();
    try {
      if (socket === null) {
        asked.mayAskAgain = false;
        socketTls = asked.tls;
        socket = dial();
      }
      socket.write(asked.request, "latin1");
    } catch (cause) {
      fail(unreachable(cause));
    }
  }

  function dial(): Socket {
    const made = openSocket(url, socketTls, memory.received, (bytes) => {
      if (made === socket) took(bytes);
    });
    const gone = (cause: unknown): void => {
      if (made === socket) lost(cause);
    };
    made.on("error", gone);
    made.on("end", () => gone(null));
    made.on("close", () => gone(null));
    return made;
  }

  function took(bytes: Buffer): void {
    // What comes without being asked for belongs to no answer.
    if (asked === null) return drop();
    asked.mayAskAgain = false;
    try {
      if (answer.take(bytes)) finish();
    } catch (cause) {
      fail(cause);
    }
  }

  function lost(cause: unknown): void {
    const again = asked?.mayAskAgain === true;
    drop();
    if (asked === null) return;
    if (again) return send();
    if (cause === null && answer.end()) return finish();
    fail(unreachable(cause ?? { code: "ECONNRESET" }));
  }

  function finish(): void {
    const one = asked;
    asked = null;
    if (!answer.isReusable) drop();
    one?.answered(answer);
  }

  function fail(cause: unknown): void {
    const one = asked;
    asked = null;
    // What is left of the answer would be taken for the next.
    drop();
    one?.failed(cause);
  }

  function drop(): void {
    const former = socket;
    socket = null;
    former?.destroy();
  }

  return {
    fetch({ timeoutMilliseconds, bodyLimitBytes, headers, tls }, read) {
      return new Promise((resolve, reject) => {
        const request = writeRequest(url, headers ?? {});
        const timer = clock.after(timeoutMilliseconds, () => {
          const sentence = `no whole answer within ${timeoutMilliseconds / 1000} s`;
          fail(new WarpwatchError("TARGET_TIMEOUT", sentence));
        });
        answer.begin(bodyLimitBytes);
        asked = {
          request,
          tls,
          mayAskAgain: true,
          answered({ head, body }) {
            timer.cancel();
            try {
              resolve(read(pageOf(head, body, bodyLimitBytes, memory.gunzip)));
            } catch (cause) {
              reject(asError(cause));
            } finally {
              answer.release();
            }
          },
          failed(cause) {
            timer.cancel();
            answer.release();
            reject(asError(cause));
          },
        };
        send();
      });
    },
    close() {
      fail(unreachable({ code: "ECONNRESET" }));
    },
  };
}

function openSocket(
  url: URL,
  tls: ClientTls | undefined,
  received: Buffer,
  took: (bytes: Buffer) => void,
): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol !== "https:") {
    const port = Number(url.port || 80);
    const callback = (count: number): boolean => {
      took(received.subarray(0, count));
      return true;
    };
    return connect({ host, port, noDelay: true, onread: { buffer: received, callback } });
  }
  const socket = secureConnect({
    host,
    port: Number(url.port || 443),
    ALPNProtocols: ["http/1.1"],
    ...(isIP(host) === 0 && { servername: host }),
    ...tls,
  });
  socket.setNoDelay(true);
  return socket.on("data", took);
}

/** Throws TARGET_REFUSED: a header that could hold two would let a secret's file write requests. */
function writeRequest(url: URL, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => {
    if (!/^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value))
      throw new WarpwatchError("TARGET_REFUSED", `the header ${name} has bytes that none may have`);
    return `${name}: ${value}\r\n`;
  });
  return (
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\naccept: ${accept}\r\n` +
    `accept-encoding: gzip\r\nuser-agent: Warpwatch\r\nconnection: keep-alive\r\n${lines.join("")}\r\n`
  );
}

function pageOf(
  { type, coding }: AnswerReader["head"],
  body: Buffer,
  limit: number,
  gunzip: Gunzip,
): Page {
  const format = type === "application/openmetrics-text" ? "openmetrics" : "text";
  if (coding === "identity" || coding === "") return { body, format };
  if (coding !== "gzip" && coding !== "x-gzip")
    throw new WarpwatchError(
      "TARGET_REFUSED",
      `answered in the coding ${singleLine(coding).slice(0, 40)}`,
    );
  return { body: gunzip(body, limit), format };
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
};

function unreachable(cause: unknown): WarpwatchError {
  const code = systemCode(cause);
  const words = connectionWords[code];
  const said = cause instanceof Error ? singleLine(cause.message).slice(0, 200) : "";
  const sentence =
    words === undefined ? `the request failed: ${said || code}` : `${words} (${code})`;
  return new WarpwatchError("TARGET_UNREACHABLE", sentence, { cause });
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
