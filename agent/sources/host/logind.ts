/** Sessions by seat and kind, asked of logind over the system bus (man org.freedesktop.login1). */
import { sessions } from "../../../core/catalog/services.ts";
import { readProperty, type Bus } from "../../dbus/bus.ts";
import type { Source } from "../source.ts";
import { openBusReader } from "./bus-reader.ts";
import type { Snapshot } from "./snapshot-reader.ts";
import { askEach } from "./systemd-units.ts";

const logindName = "org.freedesktop.login1";
const manager = {
  destination: logindName,
  path: "/org/freedesktop/login1",
  interface: `${logindName}.Manager`,
};
/** Those that node_exporter knows; what is new to it counts as the first. */
const types = ["other", "unspecified", "tty", "x11", "wayland", "mir", "web"];
const classes = ["other", "user", "greeter", "lock-screen", "background"];
const maximumSeats = 64;
const maximumSessions = 4096;

export const logindSource: Source = {
  name: "logind",
  metrics: [sessions],
  sampling: "steady",
  open({ env }, signal) {
    const missing = "nobody keeps count of sessions here";
    return openBusReader(env, { name: logindName, missing, ask: askLogind }, signal);
  },
};

async function askLogind(bus: Bus, signal: AbortSignal): Promise<Snapshot> {
  const seatRows = await listOf(bus, "ListSeats", signal);
  // Sessions from afar have no seat.
  const seats = [...seatRows.slice(0, maximumSeats).map(([name]) => String(name)), ""];
  const sessionRows = await listOf(bus, "ListSessions", signal);
  const keys = await askEach(sessionRows.slice(0, maximumSessions), ([, , , seat, path]) =>
    keyOfSession(bus, String(seat), String(path), signal),
  );
  signal.throwIfAborted();
  const counts = new Map<string | null, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return (add) => {
    for (const seat of seats)
      for (const remote of ["true", "false"])
        for (const type of types)
          for (const sessionClass of classes)
            add(
              sessions,
              { seat, remote, type, class: sessionClass },
              counts.get(keyOf(seat, remote, type, sessionClass)) ?? 0,
            );
  };
}

/** Null for a session that ended meanwhile. */
async function keyOfSession(
  bus: Bus,
  seat: string,
  path: string,
  signal: AbortSignal,
): Promise<string | null> {
  const object = { destination: logindName, path };
  const read = (name: string): Promise<unknown> =>
    readProperty(bus, object, `${logindName}.Session`, name, signal);
  try {
    const [remote, type, sessionClass] = await Promise.all(["Remote", "Type", "Class"].map(read));
    return keyOf(
      seat,
      remote === true ? "true" : "false",
      knownOr(types, type),
      knownOr(classes, sessionClass),
    );
  } catch {
    return null;
  }
}

async function listOf(
  bus: Bus,
  member: string,
  signal: AbortSignal,
): Promise<readonly (readonly unknown[])[]> {
  const [rows] = await bus.call({ ...manager, member }, signal);
  return Array.isArray(rows) ? rows.filter((row) => Array.isArray(row)) : [];
}

function keyOf(...words: readonly string[]): string {
  return words.join("\n");
}

function knownOr([other = "", ...known]: readonly string[], value: unknown): string {
  return known.find((one) => one === value) ?? other;
}
