/** The machine's clock, and what it is kept with: /sys/devices/system/clocksource, as the kernel's ABI documents have it. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as system from "../../../core/catalog/system.ts";
import type { Source } from "../source.ts";
import { openKeptFile, readFact, type KeptFile } from "./kept-file.ts";

interface Clocksource {
  readonly index: string;
  readonly folder: string;
  readonly current: KeptFile | null;
}

const maximumClocksources = 16;

export const timeSource: Source = {
  name: "time",
  metrics: [system.time, system.clocksourceAvailable, system.clocksourceCurrent],
  sampling: "fast",
  open({ env }) {
    const clocksources = findClocksources(join(env.paths.sysfs, "devices/system/clocksource"));
    let timeSlot = -1;
    let constantSlots: number[] = [];
    let known = "";
    return {
      register(slots) {
        known = currentNames(clocksources);
        timeSlot = slots.slot(system.time, {});
        constantSlots = clocksources.flatMap(({ index, folder }, position) => [
          ...readFact(join(folder, "available_clocksource"))
            .split(/\s+/)
            .filter((name) => name !== "")
            .map((clocksource) =>
              slots.slot(system.clocksourceAvailable, { device: index, clocksource }),
            ),
          slots.slot(system.clocksourceCurrent, {
            device: index,
            clocksource: known.split("\n")[position] ?? "",
          }),
        ]);
      },
      read(column) {
        if (currentNames(clocksources) !== known) return "changed";
        column[timeSlot] = env.clock.now() / 1000;
        for (const slot of constantSlots) column[slot] = 1;
        return undefined;
      },
      close() {
        for (const { current } of clocksources) current?.close();
      },
    };
  },
};

function findClocksources(folder: string): Clocksource[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    // The clock can be told without it: an emulated machine may have no such folder.
    return [];
  }
  return names
    .filter((name) => /^clocksource\d+$/.test(name))
    .slice(0, maximumClocksources)
    .map((name) => ({
      index: name.slice("clocksource".length),
      folder: join(folder, name),
      current: openIfAllowed(join(folder, name, "current_clocksource")),
    }));
}

/** The time can be told without it. */
function openIfAllowed(path: string): KeptFile | null {
  try {
    return openKeptFile(path, { initialBytes: 128 });
  } catch {
    return null;
  }
}

/** One line per clock: the kernel can change it at any moment. */
function currentNames(clocksources: readonly Clocksource[]): string {
  return clocksources
    .map(({ current }) => {
      current?.read();
      return current?.bytes.toString("utf8", 0, current.length).trim() ?? "";
    })
    .join("\n");
}
