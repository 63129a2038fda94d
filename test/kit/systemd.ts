/** Stand-ins for systemd and logind on a bus, which answer as man org.freedesktop.systemd1 and login1 have it. */
import type { BusVariant } from "../../agent/dbus/values.ts";
import { startService, withProperties, type TestBus } from "./bus.ts";

const systemdName = "org.freedesktop.systemd1";

/** What a test may change while it is asked. */
export interface SystemdStandIn {
  /** Of ListUnits. */
  rows: unknown[][];
  /** By the path of the object, then by the property's name. */
  readonly properties: Record<string, Record<string, BusVariant>>;
  isSilent: boolean;
}

const unitsSignature = "a(ssssssouso)";
const uint = (value: number): BusVariant => ({ signature: "u", value });
const ulong = (value: number): BusVariant => ({ signature: "t", value });
const text = (value: string): BusVariant => ({ signature: "s", value });

/** systemd spells what isn't a letter or a digit as its code. */
function unitPath(name: string): string {
  const escaped = name.replaceAll(
    /[^0-9A-Za-z]/g,
    (letter) => `_${letter.charCodeAt(0).toString(16)}`,
  );
  return `/org/freedesktop/systemd1/unit/${escaped}`;
}

export function unitRow(name: string, active: string, load = "loaded"): unknown[] {
  return [name, "", load, active, "", "", unitPath(name), 0, "", "/"];
}

export function makeSystemd(): SystemdStandIn {
  return {
    isSilent: false,
    rows: [
      unitRow("sshd.service", "active"),
      unitRow("backup.timer", "active"),
      unitRow("docker.socket", "active"),
      unitRow("docker.service", "failed"),
      unitRow("data.mount", "active"),
      unitRow("gone.service", "inactive", "not-found"),
    ],
    properties: {
      "/org/freedesktop/systemd1": {
        Version: text("252.38-1~deb12u1"),
        Virtualization: text(""),
        SystemState: text("degraded"),
      },
      [unitPath("sshd.service")]: {
        Type: text("notify"),
        NRestarts: uint(3),
        TasksCurrent: ulong(7),
        // All bits set: there is none.
        TasksMax: ulong(-1),
        ActiveEnterTimestamp: ulong(1_700_000_000_500_000),
      },
      [unitPath("docker.service")]: { Type: text("notify"), NRestarts: uint(12) },
      [unitPath("backup.timer")]: {
        LastTriggerUSec: ulong(1_700_000_001_000_000),
        ActiveEnterTimestamp: ulong(1_600_000_000_000_000),
      },
      [unitPath("docker.socket")]: {
        NAccepted: uint(5),
        NConnections: uint(2),
        NRefused: uint(1),
        ActiveEnterTimestamp: ulong(1_600_000_000_000_000),
      },
    },
  };
}

export function playSystemd(bus: TestBus, standIn: SystemdStandIn): Promise<void> {
  return startService(bus, systemdName, (call) => {
    if (standIn.isSilent) return "silence";
    return withProperties(standIn.properties, ({ member, body: [names] }) => {
      if (member === "ListUnits") return { signature: unitsSignature, body: [standIn.rows] };
      if (member !== "ListUnitsByNames") return null;
      const asked = new Set(names as string[]);
      const rows = standIn.rows.filter(([name]) => asked.has(String(name)));
      return { signature: unitsSignature, body: [rows] };
    })(call);
  });
}

/** Four sessions and a fifth that is gone by the time it is asked for. */
export function playLogind(bus: TestBus): Promise<void> {
  const session = (remote: boolean, type: string, kind: string): Record<string, BusVariant> => ({
    Remote: { signature: "b", value: remote },
    Type: text(type),
    Class: text(kind),
  });
  const properties = {
    "/s/1": session(false, "tty", "user"),
    "/s/2": session(true, "tty", "user"),
    "/s/3": session(true, "tty", "user"),
    "/s/4": session(true, "hologram", "manager"),
  };
  const row = (id: string, seat: string): unknown[] => [id, 1000, "ada", seat, `/s/${id}`];
  const rows = [row("1", "seat0"), row("2", ""), row("3", ""), row("4", ""), row("5", "")];
  return startService(
    bus,
    "org.freedesktop.login1",
    withProperties(properties, ({ member }) => {
      if (member === "ListSeats") return { signature: "a(so)", body: [[["seat0", "/seat/0"]]] };
      return member === "ListSessions" ? { signature: "a(susso)", body: [rows] } : null;
    }),
  );
}
