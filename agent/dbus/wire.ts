/** A connection to a D-Bus daemon, by the D-Bus Specification's "Authentication Protocol": who we are is what the kernel says of the socket. */
import { connect, type Socket } from "node:net";
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import { lengthOfMessage, readMessage, writeMessage, type BusMessage } from "./message.ts";

export interface Wire {
  send(message: BusMessage): void;
  close(): void;
}

export interface WireOptions {
  /** A leading NUL is a name in the kernel's abstract space. */
  readonly socketPath: string;
  readonly maximumMessageBytes: number;
  readonly timeoutMilliseconds: number;
  readonly signal?: AbortSignal;
  readonly onMessage: (message: BusMessage) => void;
  /** Called once after the connection was made: the other end went away, or broke the protocol. */
  readonly onEnd: (why: WarpwatchError) => void;
}

const maximumGreetingBytes = 1024;

/** Resolves once the daemon has let us in. Throws CALL_FAILED. */
export function openWire(options: WireOptions): Promise<Wire> {
  const { socketPath, signal } = options;
  const socket = connect(socketPath);
  const fail = (reason: string): WarpwatchError =>
    new WarpwatchError("CALL_FAILED", `${socketPath.replace("\0", "@")}: ${reason}`);
  return new Promise((resolve, reject) => {
    let isOpen = false;
    let isOver = false;
    const end = (why: WarpwatchError): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      socket.destroy();
      if (isOpen) options.onEnd(why);
      else reject(why);
    };
    const abort = (): void => {
      if (!isOpen) end(fail("given up"));
    };
    const timer = setTimeout(
      () => end(fail(`the bus doesn't answer within ${options.timeoutMilliseconds} ms`)),
      options.timeoutMilliseconds,
    );
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted === true) abort();
    socket.on("error", (error) => end(fail(describeError(error))));
    socket.on("close", () => end(fail("the bus hung up")));
    // A bus doesn't keep the process alive.
    socket.unref();
    socket.on("connect", () => socket.write(`\0AUTH EXTERNAL ${identity()}\r\n`));
    const receive = receiver(socket, options, () => {
      isOpen = true;
      clearTimeout(timer);
      resolve({
        send: (message) => void socket.write(writeMessage(message)),
        close: () => end(fail("closed")),
      });
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        if (!isOver) receive(chunk);
      } catch (error) {
        end(fail(describeError(error)));
      }
    });
  });
}

/** Our user's number, digit by digit as hexadecimal codes. */
function identity(): string {
  return Buffer.from(String(process.getuid?.() ?? 0)).toString("hex");
}

/** First a line of text that lets us in, then messages. */
function receiver(
  socket: Socket,
  { maximumMessageBytes, onMessage }: WireOptions,
  onOpen: () => void,
): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let length = 0;
  /** Nothing can be read before so many bytes are there: a long message isn't put together again with each piece. */
  let needed = 1;
  let isOpen = false;

  function takeGreeting(bytes: Buffer): number {
    const lineEnd = bytes.indexOf("\r\n");
    if (lineEnd < 0 && bytes.length <= maximumGreetingBytes) return 0;
    const line = bytes.toString("latin1", 0, Math.max(0, lineEnd));
    if (!line.startsWith("OK "))
      throw new WarpwatchError("CALL_FAILED", "the bus doesn't let this user in");
    socket.write("BEGIN\r\n");
    isOpen = true;
    onOpen();
    return lineEnd + 2;
  }

  /** Returns what is left of the next one. */
  function takeMessages(bytes: Buffer): Buffer {
    let rest = bytes;
    for (;;) {
      needed = lengthOfMessage(rest, maximumMessageBytes);
      if (rest.length < needed) return rest;
      onMessage(readMessage(rest.subarray(0, needed)));
      rest = rest.subarray(needed);
    }
  }

  return (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length < needed) return;
    let bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    if (!isOpen) bytes = bytes.subarray(takeGreeting(bytes));
    if (isOpen) bytes = takeMessages(bytes);
    chunks = bytes.length > 0 ? [bytes] : [];
    length = bytes.length;
  };
}
