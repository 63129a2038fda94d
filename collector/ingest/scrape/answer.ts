/** An HTTP/1.1 answer, read from a connection's bytes as they come; its body is put together in memory that is used again. Truth: RFC 9112. */
import { singleLine, WarpwatchError } from "../../../core/kit/errors.ts";
import type { BodyMemory } from "./body-memory.ts";

export interface AnswerHead {
  /** Lower case, without parameters. */
  readonly type: string;
  readonly coding: string;
}

export interface AnswerReader {
  /** Forgets the last answer; the next body may have so many bytes. */
  begin(limitBytes: number): void;
  /** Takes what a connection brought; true when the answer is whole. Throws TARGET_REFUSED, TARGET_TOO_LARGE or TARGET_UNREACHABLE. */
  take(bytes: Buffer): boolean;
  /** The other side sends no more: whether that makes the answer whole. */
  end(): boolean;
  /** Of a whole answer; holds until `release`. */
  readonly head: AnswerHead;
  readonly body: Buffer;
  /** The connection can be asked again. */
  readonly isReusable: boolean;
  /** Gives the body's memory back. */
  release(): void;
}

const maximumHeaderBytes = 32 * 1024;

const phase = {
  head: 0,
  /** A body whose length the head tells. */
  sized: 1,
  /** A body that ends with the connection. */
  untilEnd: 2,
  chunkSize: 3,
  chunkExtension: 4,
  chunk: 5,
  chunkEnd: 6,
  trailer: 7,
  whole: 8,
} as const;
type Phase = (typeof phase)[keyof typeof phase];

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const semicolon = 0x3b;
const endOfHead = Buffer.from("\r\n\r\n");
const noBytes = Buffer.alloc(0);
const noHead: AnswerHead = { type: "", coding: "" };
const startOfHead = Buffer.from("HTTP/1.");
const notHttp = "it doesn't begin as one of HTTP/1.1 does";
/** Hexadecimal digits of a chunk's size. */
const maximumSizeDigits = 8;

export function createAnswerReader(memory: BodyMemory): AnswerReader {
  let now: Phase = phase.head;
  let limit = 0;
  let head = noHead;
  let headBytes: Buffer = noBytes;
  let body: Buffer = noBytes;
  let length = 0;
  /** Bytes of the body or of the chunk that are still to come. */
  let due = 0;
  let sizeDigits = 0;
  /** Of chunk extensions and trailers, which nobody reads, and of the line they are in. */
  let idleBytes = 0;
  let lineBytes = 0;
  let isReusable = true;

  /** Each takes bytes from `at` on and returns the offset behind them. */
  const steps: Readonly<Record<Phase, (bytes: Buffer, at: number) => number>> = {
    [phase.head]: takeHead,
    [phase.sized]: (bytes, at) => takeBody(bytes, at, phase.whole),
    [phase.untilEnd](bytes, at) {
      append(bytes, at, bytes.length);
      return bytes.length;
    },
    [phase.chunkSize]: takeChunkSize,
    [phase.chunkExtension](bytes, at) {
      idle();
      if (bytes[at] === lineFeed) startChunk();
      return at + 1;
    },
    [phase.chunk]: (bytes, at) => takeBody(bytes, at, phase.chunkEnd),
    [phase.chunkEnd](bytes, at) {
      if (bytes[at] === lineFeed) startSize();
      else if (bytes[at] !== carriageReturn) throw noHttp("a chunk is longer than its size");
      return at + 1;
    },
    [phase.trailer](bytes, at) {
      idle();
      if (bytes[at] === lineFeed) {
        if (lineBytes === 0) now = phase.whole;
        lineBytes = 0;
      } else if (bytes[at] !== carriageReturn) lineBytes += 1;
      return at + 1;
    },
    [phase.whole](bytes) {
      // Nobody asked for it.
      isReusable = false;
      return bytes.length;
    },
  };

  function takeHead(bytes: Buffer, at: number): number {
    const before = headBytes.length;
    const all = before === 0 && at === 0 ? bytes : Buffer.concat([headBytes, bytes.subarray(at)]);
    const end = all.indexOf(endOfHead);
    if (end > maximumHeaderBytes || (end === -1 && all.length > maximumHeaderBytes))
      throw unreachable(`the answer's headers are over ${maximumHeaderBytes} bytes`);
    if (!startsAsHttp(all)) throw noHttp(notHttp);
    if (end === -1) {
      // The connection's memory is used again.
      headBytes = all === bytes ? Buffer.from(bytes) : all;
      return bytes.length;
    }
    headBytes = noBytes;
    understand(all.toString("latin1", 0, end));
    return at + end + endOfHead.length - before;
  }

  function understand(text: string): void {
    const { status, minor, fields } = readHead(text);
    if (status < 200) return;
    refuse(status, fields);
    const tokens = (fields.get("connection") ?? "").toLowerCase();
    isReusable = minor === 0 ? tokens.includes("keep-alive") : !tokens.includes("close");
    const type = (fields.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    head = { type, coding: (fields.get("content-encoding") ?? "identity").toLowerCase() };
    const transfer = fields.get("transfer-encoding");
    const declared = fields.get("content-length");
    if (transfer !== undefined) {
      if (transfer.toLowerCase() !== "chunked")
        throw noHttp(`it comes in the transfer coding ${singleLine(transfer).slice(0, 40)}`);
      if (declared !== undefined) isReusable = false;
      startSize();
    } else if (declared === undefined) {
      isReusable = false;
      now = phase.untilEnd;
    } else {
      if (!/^\d{1,15}$/.test(declared)) throw noHttp("its content-length is no number");
      due = Number(declared);
      if (due > limit) throw tooLarge(limit);
      now = due === 0 ? phase.whole : phase.sized;
    }
  }

  function takeBody(bytes: Buffer, at: number, next: Phase): number {
    const end = Math.min(bytes.length, at + due);
    append(bytes, at, end);
    due -= end - at;
    if (due === 0) now = next;
    return end;
  }

  function append(bytes: Buffer, from: number, to: number): void {
    if (length + to - from > limit) throw tooLarge(limit);
    body = memory.reserve(body, length, to - from);
    bytes.copy(body, length, from, to);
    length += to - from;
  }

  function startSize(): void {
    now = phase.chunkSize;
    due = 0;
    sizeDigits = 0;
  }

  function takeChunkSize(bytes: Buffer, at: number): number {
    const byte = bytes[at] ?? 0;
    const digit = hexadecimal(byte);
    if (digit >= 0 && sizeDigits < maximumSizeDigits) {
      due = due * 16 + digit;
      sizeDigits += 1;
      return at + 1;
    }
    if (sizeDigits === 0) throw noHttp("a chunk has no size");
    if (byte === lineFeed) startChunk();
    else if (byte === semicolon) now = phase.chunkExtension;
    else if (byte !== carriageReturn) throw noHttp("a chunk's size is no number");
    return at + 1;
  }

  function startChunk(): void {
    lineBytes = 0;
    now = due === 0 ? phase.trailer : phase.chunk;
  }

  function idle(): void {
    idleBytes += 1;
    if (idleBytes > maximumHeaderBytes)
      throw noHttp(`what stands beside its chunks is over ${maximumHeaderBytes} bytes`);
  }

  function release(): void {
    memory.giveBack(body);
    body = noBytes;
    length = 0;
  }

  return {
    begin(limitBytes) {
      release();
      now = phase.head;
      limit = limitBytes;
      headBytes = noBytes;
      idleBytes = 0;
      isReusable = true;
    },
    take(bytes) {
      for (let at = 0; at < bytes.length;) at = steps[now](bytes, at);
      return now === phase.whole;
    },
    end() {
      isReusable = false;
      if (now === phase.untilEnd) now = phase.whole;
      return now === phase.whole;
    },
    get head() {
      return head;
    },
    get body() {
      return body.subarray(0, length);
    },
    get isReusable() {
      return isReusable;
    },
    release,
  };
}

interface ReadHead {
  readonly status: number;
  readonly minor: number;
  /** By name in lower case; of a repeated one all values, with commas. */
  readonly fields: ReadonlyMap<string, string>;
}

/** `HTTP/1.x SP status SP reason`, then a line for each field. */
function readHead(text: string): ReadHead {
  const lines = text.split("\r\n");
  const match = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(lines[0] ?? "");
  if (!match) throw noHttp(notHttp);
  const fields = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon < 1 || line.startsWith(" ") || line.startsWith("\t"))
      throw noHttp("one of its header lines has no name");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const former = fields.get(name);
    fields.set(name, former === undefined ? value : `${former}, ${value}`);
  }
  return { minor: Number(match[1]), status: Number(match[2]), fields };
}

function startsAsHttp(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, startOfHead.length);
  return bytes.compare(startOfHead, 0, length, 0, length) === 0;
}

function refuse(status: number, fields: ReadonlyMap<string, string>): void {
  if (status === 200) return;
  const location = singleLine(fields.get("location") ?? "nowhere").slice(0, 200);
  throw new WarpwatchError(
    "TARGET_REFUSED",
    status >= 300 && status < 400
      ? `answered with a redirect (${status}) to ${location}, which isn't followed`
      : `answered with status ${status}`,
  );
}

/** The digit's value, or -1. */
function hexadecimal(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function tooLarge(limit: number): WarpwatchError {
  return new WarpwatchError("TARGET_TOO_LARGE", `the answer is over ${limit} bytes`);
}

function noHttp(why: string): WarpwatchError {
  return unreachable(`the request failed: the answer isn't HTTP: ${why}`);
}

function unreachable(sentence: string): WarpwatchError {
  return new WarpwatchError("TARGET_UNREACHABLE", sentence);
}
