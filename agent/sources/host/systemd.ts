/** Units, timers, sockets and the state of systemd, asked over the system bus as node_exporter does. */
import type { Metric } from "../../../core/catalog/metric.ts";
import * as services from "../../../core/catalog/services.ts";
import type { Bus } from "../../dbus/bus.ts";
import type { Source } from "../source.ts";
import { openBusReader } from "./bus-reader.ts";
import type { HostOptions } from "./options.ts";
import type { Snapshot } from "./snapshot-reader.ts";
import {
  askEach,
  listUnits,
  managerProperty,
  missingSystemd,
  propertyOf,
  systemdName,
  unitStates,
  type Unit,
} from "./systemd-units.ts";

const { sessions: _sessions, ...systemdMetrics } = services;
/** Before it there are neither timers' triggers nor a state of the whole. */
const firstVersionWithState = 212;
/** What systemd gives for "none". */
const noLimit = 2 ** 64;
const microsecondsPerSecond = 1e6;

interface Fact {
  readonly metric: Metric<"name">;
  readonly value: number;
}

export function createSystemdSource(options: HostOptions["systemd"]): Source {
  return {
    name: "systemd",
    metrics: Object.values(systemdMetrics),
    sampling: "steady",
    open({ env }, signal) {
      /** Unit → its type, which doesn't change while the unit is loaded. */
      const types = new Map<string, string>();
      return openBusReader(
        env,
        {
          name: systemdName,
          missing: missingSystemd,
          ask: (bus, askSignal) => askSystemd(bus, options, types, askSignal),
        },
        signal,
      );
    },
  };
}

async function askSystemd(
  bus: Bus,
  options: HostOptions["systemd"],
  types: Map<string, string>,
  signal: AbortSignal,
): Promise<Snapshot> {
  const [version, virtualization, state] = await askEach(
    ["Version", "Virtualization", "SystemState"],
    (name) => managerProperty(bus, name, signal),
  );
  const versionText = typeof version === "string" ? version : "";
  const versionNumber = Number(/\d{3,}(\.\d+)?/.exec(versionText)?.[0] ?? 0);
  const hasState = versionNumber >= firstVersionWithState;
  const all = await listUnits(bus, signal);
  const chosen = all.filter(({ name, isLoaded }) => isLoaded && options.keepsUnit(name));
  const typed = await askEach(chosen, (unit) => typeOf(bus, unit, types, signal));
  forgetOthers(types, chosen);
  const facts = await askEach(chosen, (unit) => factsOf(bus, unit, { options, hasState, signal }));
  signal.throwIfAborted();

  const counts = new Map<string, number>(unitStates.map((name) => [name, 0]));
  for (const unit of all) counts.set(unit.state, (counts.get(unit.state) ?? 0) + 1);
  return (add) => {
    add(services.systemdVersion, { version: versionText }, versionNumber);
    const kind = typeof virtualization === "string" ? virtualization || "none" : "unknown";
    add(services.virtualization, { virtualization_type: kind }, 1);
    if (hasState) add(services.systemRunning, {}, state === "running" ? 1 : 0);
    for (const name of [...counts.keys()].toSorted())
      add(services.units, { state: name }, counts.get(name) ?? 0);
    chosen.forEach(({ name, state: unitState }, index) => {
      for (const one of unitStates)
        add(
          services.unitState,
          { name, state: one, type: typed[index] ?? "" },
          one === unitState ? 1 : 0,
        );
      for (const { metric, value } of facts[index] ?? []) add(metric, { name }, value);
    });
  };
}

async function typeOf(
  bus: Bus,
  { name, path }: Unit,
  types: Map<string, string>,
  signal: AbortSignal,
): Promise<string> {
  const kind = /\.(service|mount)$/.exec(name)?.[1];
  if (kind === undefined) return "";
  const known = types.get(name);
  if (known !== undefined) return known;
  const type = await propertyOf(
    bus,
    path,
    kind === "service" ? "Service" : "Mount",
    "Type",
    signal,
  );
  if (typeof type !== "string") return "";
  types.set(name, type);
  return type;
}

function forgetOthers(types: Map<string, string>, units: readonly Unit[]): void {
  const names = new Set(units.map(({ name }) => name));
  for (const name of types.keys()) if (!names.has(name)) types.delete(name);
}

async function factsOf(
  bus: Bus,
  { name, path, state }: Unit,
  asked: {
    readonly options: HostOptions["systemd"];
    readonly hasState: boolean;
    readonly signal: AbortSignal;
  },
): Promise<Fact[]> {
  const { options, hasState, signal } = asked;
  const facts: Fact[] = [];
  const add = async (
    metric: Metric<"name">,
    kind: string,
    property: string,
    divisor = 1,
  ): Promise<void> => {
    const value = await propertyOf(bus, path, kind, property, signal);
    if (typeof value === "number" && value < noLimit)
      facts.push({ metric, value: value / divisor });
  };
  if (name.endsWith(".service")) {
    if (options.restarts) await add(services.serviceRestarts, "Service", "NRestarts");
    if (options.tasks) {
      await add(services.unitTasks, "Service", "TasksCurrent");
      await add(services.unitTasksMaximum, "Service", "TasksMax");
    }
  } else if (name.endsWith(".timer") && hasState)
    await add(services.timerLastTrigger, "Timer", "LastTriggerUSec", microsecondsPerSecond);
  else if (name.endsWith(".socket")) {
    await add(services.socketAccepted, "Socket", "NAccepted");
    await add(services.socketConnections, "Socket", "NConnections");
    await add(services.socketRefused, "Socket", "NRefused");
  }
  if (options.startTimes && state !== "active")
    facts.push({ metric: services.unitStartTime, value: 0 });
  else if (options.startTimes)
    await add(services.unitStartTime, "Unit", "ActiveEnterTimestamp", microsecondsPerSecond);
  return facts;
}
