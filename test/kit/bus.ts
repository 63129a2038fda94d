/** A real dbus-daemon on a socket of its own, and stand-ins for services on it that answer calls from a table. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openBus } from "../../agent/dbus/bus.ts";
import type { BusMessage } from "../../agent/dbus/message.ts";
import type { BusVariant } from "../../agent/dbus/values.ts";
import { openWire, type Wire } from "../../agent/dbus/wire.ts";
import { makeFolder } from "./folder.ts";
import { hasProgram, startProgram } from "./programs.ts";

export const hasBus = hasProgram("dbus-daemon");

export interface Answer {
  readonly signature: string;
  readonly body: readonly unknown[];
}

/** What a stand-in answers to a call; null for an error, "silence" for no answer at all. */
export type Answerer = (call: BusMessage) => Answer | "silence" | null;

export interface TestBus {
  readonly socketPath: string;
  stop(): Promise<void>;
}

const waitMilliseconds = 5000;

/** Ends with the test, at the latest. */
export async function startBus(): Promise<TestBus> {
  const folder = makeFolder();
  const socketPath = join(folder, "bus");
  const file = join(folder, "bus.conf");
  writeFileSync(
    file,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socketPath}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`,
  );
  const program = startProgram("dbus-daemon", [`--config-file=${file}`, "--nofork", "--nopidfile"]);
  const stop = async (): Promise<void> => void (await program.stop());
  onTestFinished(stop);
  const until = Date.now() + waitMilliseconds;
  while (!(await answers(socketPath))) {
    if (Date.now() > until) throw new Error(`dbus-daemon didn't start: ${program.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { socketPath, stop };
}

/** The socket's file is there a moment before anybody listens on it. */
async function answers(socketPath: string): Promise<boolean> {
  try {
    (await openBus(socketPath)).close();
    return true;
  } catch {
    return false;
  }
}

/** Owns a name on the bus and answers what it is called with, until the test ends. */
export async function startService(
  { socketPath }: TestBus,
  name: string,
  answer: Answerer,
): Promise<void> {
  const owned = Promise.withResolvers<void>();
  const daemon = {
    type: "call",
    destination: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
  } as const;
  let serial = 2;
  const wire: Wire = await openWire({
    socketPath,
    maximumMessageBytes: 1024 * 1024,
    timeoutMilliseconds: waitMilliseconds,
    onEnd: () => owned.reject(new Error(`the bus let ${name} go`)),
    onMessage(message) {
      if (message.replySerial === 2) owned.resolve();
      if (message.type !== "call" || message.destination !== name) return;
      const answered = answer(message);
      if (answered === "silence") return;
      serial += 1;
      const { sender = "" } = message;
      const reply = { serial, replySerial: message.serial, destination: sender };
      wire.send(
        answered
          ? { ...reply, type: "return", ...answered }
          : {
              ...reply,
              type: "error",
              errorName: "org.freedesktop.DBus.Error.UnknownProperty",
              signature: "s",
              body: ["there is none"],
            },
      );
    },
  });
  wire.send({ ...daemon, serial: 1, member: "Hello", signature: "", body: [] });
  wire.send({ ...daemon, serial: 2, member: "RequestName", signature: "su", body: [name, 4] });
  await owned.promise;
  onTestFinished(() => wire.close());
}

/** An answerer of `org.freedesktop.DBus.Properties.Get`: path → property → value; other calls go on. */
export function withProperties(
  properties: Readonly<Record<string, Readonly<Record<string, BusVariant>>>>,
  others: Answerer = () => null,
): Answerer {
  return (call) => {
    if (call.member !== "Get") return others(call);
    const [, property] = call.body;
    const variant = properties[call.path ?? ""]?.[String(property)];
    return variant ? { signature: "v", body: [variant] } : null;
  };
}
