/** How much of their speed network links use: bytes of two readings of /proc/net/dev against `speed` of the kernel's ABI document sysfs-class-net. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { networkUtilization } from "../../../core/catalog/between-readings.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import type { Device } from "../../../core/catalog/device.ts";
import { absent, type Reader, type Source } from "../source.ts";
import { createCounterLines } from "./counter-lines.ts";
import { partOf } from "./device.ts";
import type { FileShare, KeptFile } from "./kept-file.ts";
import { decodeName } from "./line-table.ts";
import { missing } from "./missing.ts";
import type { HostOptions } from "./options.ts";
import { createValueFiles } from "./value-file.ts";

/** Which columns count the bytes. */
const directions = [
  { direction: "receive", bytesColumn: 0 },
  { direction: "transmit", bytesColumn: 8 },
] as const;
const columns = 9;
const headingLines = 2;
/** The file gives megabits per second. */
const bytesPerMegabit = 125_000;
/** A shorter time between two readings says little; a timer may be a little early. */
const shortestMilliseconds = 900;
const speedsMilliseconds = 10_000;
const nothingKnown = { bytes: Number.NaN, ratio: Number.NaN };
const valueFile = createValueFiles(0);

interface Link {
  readonly name: string;
  readonly bytesColumn: number;
  readonly position: number;
  readonly slot: number;
  bytes: number;
  ratio: number;
}

export function createNetworkUtilizationSource(
  share: FileShare,
  { keepsDevice }: HostOptions["netdev"],
): Source {
  return {
    name: "network_utilization",
    metrics: [networkUtilization],
    sampling: "fast",
    async open({ env, host }) {
      const path = join(env.paths.procfs, "net/dev");
      const file = share.open(path, env.clock);
      if (!file) return absent(missing("network", env.paths, path));
      const speeds = createSpeeds(join(env.paths.sysfs, "class/net"));
      const lines = createCounterLines(file, columns, (line, index) => {
        // A name may hold a colon (an alias), a number can't: the last one ends the name.
        const colon = line.lastIndexOf(":");
        const name = decodeName(line.slice(0, Math.max(colon, 0)).trim());
        const named = index >= headingLines && name !== "" && keepsDevice(name);
        return named ? { name, keyBytes: colon + 1 } : null;
      });
      await speeds.refresh(lines.learn());
      if (speeds.known() !== "")
        return createReader({ file, lines, speeds, clock: env.clock, host });
      file.close();
      return absent(
        "no network adapter tells the speed of its link: links are down, or adapters are virtual",
      );
    },
  };
}

function createReader(parts: {
  readonly file: KeptFile;
  readonly lines: ReturnType<typeof createCounterLines>;
  readonly speeds: Speeds;
  readonly clock: Clock;
  readonly host: Device;
}): Reader {
  const { file, lines, speeds, clock, host } = parts;
  let names: readonly string[] = [];
  let links: Link[] = [];
  let registeredFor = "";
  let takenAt = Number.NaN;
  let speedsAt = clock.monotonic();

  function measure(elapsedMilliseconds: number): void {
    for (const link of links) {
      const bytes = lines.value(link.position, link.bytesColumn);
      const moved = bytes - link.bytes;
      const possible = (speeds.bytesPerSecond(link.name) * elapsedMilliseconds) / 1000;
      // An adapter that was set up anew counts from zero.
      link.ratio = moved >= 0 ? moved / possible : Number.NaN;
      link.bytes = bytes;
    }
  }

  return {
    register(slots) {
      // Pods come and go with interfaces of their own: what is known of the others stays.
      const before = new Map(links.map((link) => [`${link.bytesColumn} ${link.name}`, link]));
      names = lines.learn();
      registeredFor = speeds.known();
      links = names.flatMap((name, position) =>
        Number.isNaN(speeds.bytesPerSecond(name))
          ? []
          : directions.map(({ direction, bytesColumn }) => {
              const { bytes, ratio } = before.get(`${bytesColumn} ${name}`) ?? nothingKnown;
              const labels = { device: name, direction };
              const slot = slots.slot(networkUtilization, labels, partOf(host, "nic", name));
              return { name, bytesColumn, position, slot, bytes, ratio };
            }),
      );
    },
    read(column) {
      const now = clock.monotonic();
      if (now - speedsAt >= speedsMilliseconds) {
        speedsAt = now;
        void speeds.refresh(names);
      }
      if (!lines.read() || speeds.known() !== registeredFor) return "changed";
      const elapsed = now - takenAt;
      if (!(elapsed < shortestMilliseconds)) {
        measure(elapsed);
        takenAt = now;
      }
      for (const { slot, ratio } of links) column[slot] = ratio;
      return undefined;
    },
    close: () => file.close(),
  };
}

interface Speeds {
  /** Asks the drivers, in another thread and one after the other; does nothing while an earlier round isn't over. */
  refresh(names: readonly string[]): Promise<void>;
  /** NaN where the link is down or has no speed. */
  bytesPerSecond(name: string): number;
  /** Changes when an adapter begins or ceases to tell its speed. */
  known(): string;
}

function createSpeeds(folder: string): Speeds {
  const speeds = new Map<string, number>();
  let known = "";
  let refreshing = false;
  return {
    async refresh(names) {
      if (refreshing) return;
      refreshing = true;
      for (const name of speeds.keys()) if (!names.includes(name)) speeds.delete(name);
      for (const name of names.filter((candidate) => isLink(join(folder, candidate)))) {
        const megabits = await valueFile(join(folder, name, "speed")).readNumberApart();
        if (megabits > 0) speeds.set(name, megabits * bytesPerMegabit);
        else speeds.delete(name);
      }
      known = [...speeds.keys()].sort().join("\n");
      refreshing = false;
    },
    bytesPerSecond: (name) => speeds.get(name) ?? Number.NaN,
    known: () => known,
  };
}

/** Adapters and bonds of them; what else has a speed (veth, tap) has invented it. */
function isLink(folder: string): boolean {
  return existsSync(join(folder, "device")) || existsSync(join(folder, "bonding"));
}
