/**
 * Unpacks gzip (RFC 1952) into the same memory again and again: zlib's public calls take new memory for each page, which makes
 * the collector of garbage cost more than the unpacking. So zlib's own handle is called, where it is found to do what it did.
 */
import { createGunzip as createStream, gunzipSync, gzipSync } from "node:zlib";
import { systemCode, WarpwatchError } from "../../../core/kit/errors.ts";

/** What it returns holds until the next call. Throws TARGET_TOO_LARGE or EXPOSITION_MALFORMED. */
export type Gunzip = (packed: Buffer, limitBytes: number) => Buffer;

const firstBytes = 256 * 1024;
/** A larger page's memory isn't kept. */
const keptBytes = 16 * 1024 * 1024;
/** Z_FINISH: all of the input is there. */
const finish = 4;

export function createGunzip(): Gunzip {
  let handle = openHandle();
  let kept = Buffer.allocUnsafeSlow(firstBytes);
  if (handle === null || !doesUnpack(handle, kept)) return unpackAnew;
  return (packed, limitBytes) => {
    handle ??= openHandle();
    if (handle === null) return unpackAnew(packed, limitBytes);
    let target = kept;
    let length = 0;
    let rest = packed.length;
    for (;;) {
      const fault = handle.write(packed, packed.length - rest, target, length);
      if (fault !== "") {
        handle.close();
        handle = null;
        throw noGzip(fault);
      }
      length = target.length - handle.state[0]!;
      rest = handle.state[1]!;
      if (length > limitBytes) break;
      if (length < target.length) break;
      target = enlarge(target);
      if (target.length <= keptBytes) kept = target;
    }
    handle.reset();
    if (length > limitBytes) throw tooLarge(limitBytes);
    return target.subarray(0, length);
  };
}

/** The same by public calls alone. */
export function unpackAnew(packed: Buffer, limitBytes: number): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: limitBytes });
  } catch (cause) {
    if (systemCode(cause) === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limitBytes);
    throw noGzip(cause);
  }
}

interface Handle {
  /** How many bytes of the output and of the input are left after `write`. */
  readonly state: Uint32Array;
  /** Returns what is wrong; empty when nothing is. */
  write(packed: Buffer, from: number, target: Buffer, at: number): string;
  /** Begins with the next page. */
  reset(): void;
  close(): void;
}

/** As Node.js' own stream uses it. */
interface NativeHandle {
  writeSync(
    flush: number,
    input: Buffer,
    inputAt: number,
    inputLength: number,
    output: Buffer,
    outputAt: number,
    outputLength: number,
  ): void;
  reset(): void;
  close(): void;
  onerror: (message: unknown) => void;
}

/** null where this Node.js has something else in the place. */
function openHandle(): Handle | null {
  const stream = createStream();
  const native: unknown = Reflect.get(stream, "_handle");
  const state: unknown = Reflect.get(stream, "_writeState");
  if (!isNative(native) || !(state instanceof Uint32Array) || state.length !== 2) return null;
  let fault = "";
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it is no event target
  native.onerror = (message) => (fault = String(message));
  return {
    state,
    write(packed, from, target, at) {
      fault = "";
      native.writeSync(finish, packed, from, packed.length - from, target, at, target.length - at);
      return fault;
    },
    reset: () => native.reset(),
    close: () => native.close(),
  };
}

function isNative(value: unknown): value is NativeHandle {
  return (
    typeof value === "object" &&
    value !== null &&
    ["writeSync", "reset", "close"].every((name) => typeof Reflect.get(value, name) === "function")
  );
}

/** Twice, since pages come one after the other. */
function doesUnpack(handle: Handle, target: Buffer): boolean {
  const page = Buffer.from("a 1\n".repeat(100));
  const packed = gzipSync(page);
  try {
    for (let time = 0; time < 2; time += 1) {
      if (handle.write(packed, 0, target, 0) !== "") return false;
      const [left = 0, unread] = handle.state;
      if (unread !== 0 || !target.subarray(0, target.length - left).equals(page)) return false;
      handle.reset();
    }
    return true;
  } catch {
    return false;
  }
}

function enlarge(former: Buffer): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(former.length * 2);
  former.copy(larger);
  return larger;
}

function tooLarge(limitBytes: number): WarpwatchError {
  return new WarpwatchError(
    "TARGET_TOO_LARGE",
    `the answer unpacks to more than ${limitBytes} bytes`,
  );
}

function noGzip(cause: unknown): WarpwatchError {
  return new WarpwatchError("EXPOSITION_MALFORMED", "the answer isn't the gzip it says it is", {
    cause,
  });
}
