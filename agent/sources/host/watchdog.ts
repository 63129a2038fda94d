/** Watchdog timers from /sys/class/watchdog, as the kernel's ABI document sysfs-class-watchdog has it. */
import { join } from "node:path";
import { watchdog, watchdogInfo } from "../../../core/catalog/sensors.ts";
import type { Source } from "../source.ts";
import { openListedReader } from "./listed-reader.ts";
import { missing } from "./missing.ts";

const files = [
  ["bootstatus", "bootstatus"],
  ["fw_version", "fw_version"],
  ["nowayout", "nowayout"],
  ["timeleft", "timeleft_seconds"],
  ["timeout", "timeout_seconds"],
  ["pretimeout", "pretimeout_seconds"],
  ["access_cs0", "access_cs0"],
] as const;

export const watchdogSource: Source = {
  name: "watchdog",
  metrics: [watchdog, watchdogInfo],
  sampling: "steady",
  open({ env }) {
    const folder = join(env.paths.sysfs, "class/watchdog");
    return openListedReader({
      clock: env.clock,
      absent: missing("watchdog", env.paths, folder),
      list(listing) {
        for (const name of listing.folder(folder)) {
          const present = new Set(listing.folder(join(folder, name)));
          for (const [file, key] of files)
            if (present.has(file))
              listing.value(join(folder, name, file), watchdog.metric(key), { name });
          const text = (file: string): string =>
            present.has(file) ? listing.text(join(folder, name, file)) : "";
          listing.fact(watchdogInfo, {
            name,
            options: text("options"),
            identity: text("identity"),
            state: text("state"),
            status: text("status"),
            pretimeout_governor: text("pretimeout_governor"),
          });
        }
      },
    });
  },
};
