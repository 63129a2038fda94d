/** Units of systemd as its interface org.freedesktop.systemd1 tells them (man org.freedesktop.systemd1). */
import { readProperty, type Bus } from "../../dbus/bus.ts";

export interface Unit {
  readonly name: string;
  /** `active`, `activating`, `deactivating`, `inactive`, `failed`, now and then another. */
  readonly state: string;
  /** Whether systemd has read its file: what another unit merely names is there too. */
  readonly isLoaded: boolean;
  /** The object on the bus. */
  readonly path: string;
}

export const systemdName = "org.freedesktop.systemd1";
/** Why it may not be on the bus. */
export const missingSystemd = "another program started this machine";
export const unitStates = ["active", "activating", "deactivating", "inactive", "failed"] as const;

const manager = { destination: systemdName, path: "/org/freedesktop/systemd1" };
const managerInterface = `${systemdName}.Manager`;
/** Each may cost calls of its own. */
const maximumUnits = 8192;

/** All that systemd knows of, or those of these names; in alphabetical order. */
export async function listUnits(
  bus: Bus,
  signal: AbortSignal,
  names?: readonly string[],
): Promise<Unit[]> {
  const [rows] = await bus.call(
    {
      ...manager,
      interface: managerInterface,
      ...(names === undefined
        ? { member: "ListUnits" }
        : { member: "ListUnitsByNames", signature: "as", body: [names] }),
    },
    signal,
  );
  if (!Array.isArray(rows)) return [];
  return rows
    .slice(0, maximumUnits)
    .map((row: readonly unknown[]) => ({
      name: String(row[0]),
      isLoaded: row[2] === "loaded",
      state: String(row[3]),
      path: String(row[6]),
    }))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** A property of systemd itself; null where it has none. */
export function managerProperty(bus: Bus, name: string, signal: AbortSignal): Promise<unknown> {
  return propertyOf(bus, manager.path, "Manager", name, signal);
}

/** A property of a unit, by the kind of unit that has it: `Service`, `Timer`; null where it has none. */
export async function propertyOf(
  bus: Bus,
  path: string,
  kind: string,
  name: string,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    const object = { destination: systemdName, path };
    return await readProperty(bus, object, `${systemdName}.${kind}`, name, signal);
  } catch {
    // An older systemd, or a unit that is gone by now. A bus that is gone fails the next call too, and with it the round.
    return null;
  }
}

/** So many calls wait for their answers at a time: a reading isn't to be a burden on process 1. */
const together = 32;

export async function askEach<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let start = 0; start < items.length; start += together)
    answers.push(...(await Promise.all(items.slice(start, start + together).map(ask))));
  return answers;
}
