/**
 * The system bus: calls to other programs' objects, each with its answer, as the D-Bus Specification has them. Our own,
 * because the packages there are stand still for years or bring parsers of XML and streams that reading properties doesn't need.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../../core/kit/env.ts";
import { WarpwatchError } from "../../core/kit/errors.ts";
import type { BusMessage } from "./message.ts";
import type { BusVariant } from "./values.ts";
import { openWire } from "./wire.ts";

export interface BusCall {
  /** The name on the bus: `org.freedesktop.systemd1`. */
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

export interface Bus {
  /** The values of the answer. Throws CALL_FAILED: by the bus' error, or for want of an answer. */
  call(call: BusCall, signal?: AbortSignal): Promise<readonly unknown[]>;
  close(): void;
}

/** systemd's list of a few thousand units has about two million bytes. */
const maximumMessageBytes = 16 * 1024 * 1024;
const timeoutMilliseconds = 2000;
const maximumOutstanding = 256;
const maximumReason = 200;

const daemon = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
} as const;

/** Where this machine's system bus listens; null where it has none. */
export function findSystemBus({ variables, paths }: Env): string | null {
  const given = variables["DBUS_SYSTEM_BUS_ADDRESS"];
  if (given !== undefined && given !== "") return socketOf(given);
  const path = join(paths.rootfs, "run/dbus/system_bus_socket");
  return existsSync(path) ? path : null;
}

/** Of addresses such as `unix:path=/run/bus;tcp:host=…` the first that is a Unix socket. */
function socketOf(addresses: string): string | null {
  for (const address of addresses.split(";")) {
    const [, kind, value = ""] = /^unix:(?:.*,)?(path|abstract)=([^,]*)/.exec(address) ?? [];
    const name = value.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    if (kind !== undefined && name !== "") return kind === "path" ? name : `\0${name}`;
  }
  return null;
}

interface Outstanding {
  finish(outcome: readonly unknown[] | WarpwatchError): void;
}

/** Connects and greets. Throws CALL_FAILED. */
export async function openBus(socketPath: string, signal?: AbortSignal): Promise<Bus> {
  const outstanding = new Map<number, Outstanding>();
  let serial = 0;
  let ended: WarpwatchError | null = null;
  const wire = await openWire({
    socketPath,
    maximumMessageBytes,
    timeoutMilliseconds,
    ...(signal ? { signal } : {}),
    onMessage({ type, replySerial = 0, body, errorName }) {
      const waiting = outstanding.get(replySerial);
      if (type === "return") waiting?.finish(body);
      else if (type === "error") waiting?.finish(refusal(errorName, body));
    },
    onEnd(why) {
      ended = why;
      for (const one of outstanding.values()) one.finish(why);
    },
  });

  const bus: Bus = {
    call: (call, callSignal) =>
      new Promise((resolve, reject) => {
        const what = `${call.interface}.${call.member}`;
        const fail = (reason: string): void =>
          finish(new WarpwatchError("CALL_FAILED", `${what}: ${reason}`));
        serial += 1;
        const own = serial;
        const abort = (): void => fail("given up");
        const timer = setTimeout(
          () => fail(`no answer within ${timeoutMilliseconds} ms`),
          timeoutMilliseconds,
        );
        const finish: Outstanding["finish"] = (outcome) => {
          clearTimeout(timer);
          callSignal?.removeEventListener("abort", abort);
          outstanding.delete(own);
          if (outcome instanceof WarpwatchError) reject(outcome);
          else resolve(outcome);
        };
        if (ended) finish(ended);
        else if (callSignal?.aborted === true) abort();
        else if (outstanding.size >= maximumOutstanding)
          fail(`${maximumOutstanding} calls wait already`);
        else {
          outstanding.set(own, { finish });
          callSignal?.addEventListener("abort", abort, { once: true });
          wire.send(messageOf(call, own));
        }
      }),
    close: () => wire.close(),
  };
  try {
    await bus.call({ ...daemon, member: "Hello" }, signal);
    return bus;
  } catch (error) {
    bus.close();
    throw error;
  }
}

/** A property's value. Throws CALL_FAILED where the object or the property isn't there. */
export async function readProperty(
  bus: Bus,
  object: { readonly destination: string; readonly path: string },
  interfaceName: string,
  property: string,
  signal?: AbortSignal,
): Promise<unknown> {
  const [variant] = await bus.call(
    {
      ...object,
      interface: "org.freedesktop.DBus.Properties",
      member: "Get",
      signature: "ss",
      body: [interfaceName, property],
    },
    signal,
  );
  return (variant as BusVariant | undefined)?.value;
}

/** Whether a program has this name on the bus. */
export async function hasOwner(bus: Bus, name: string, signal?: AbortSignal): Promise<boolean> {
  const call = { ...daemon, member: "NameHasOwner", signature: "s", body: [name] };
  const [owned] = await bus.call(call, signal);
  return owned === true;
}

function messageOf(call: BusCall, serial: number): BusMessage {
  return { signature: "", body: [], ...call, type: "call", serial };
}

function refusal(errorName = "no error's name", body: readonly unknown[]): WarpwatchError {
  const [text] = body;
  const reason = typeof text === "string" ? `${errorName}: ${text}` : errorName;
  return new WarpwatchError("CALL_FAILED", reason.slice(0, maximumReason));
}
