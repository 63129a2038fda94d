/** Whether SELinux guards the machine: its filesystem under /sys/fs/selinux and its settings in /etc/selinux/config. */
import { join } from "node:path";
import {
  selinuxConfigMode,
  selinuxCurrentMode,
  selinuxEnabled,
} from "../../../core/catalog/kernel.ts";
import type { Source } from "../source.ts";
import { openListedReader } from "./listed-reader.ts";

const modes: ReadonlyMap<string, number> = new Map([
  ["enforcing", 1],
  ["permissive", 0],
  ["disabled", -1],
]);

export const selinuxSource: Source = {
  name: "selinux",
  metrics: [selinuxEnabled, selinuxConfigMode, selinuxCurrentMode],
  sampling: "fast",
  open({ env }) {
    const enforce = join(env.paths.sysfs, "fs/selinux/enforce");
    return openListedReader({
      clock: env.clock,
      absent: "SELinux can't be judged here",
      list(listing) {
        const current = listing.text(enforce);
        listing.fact(selinuxEnabled, {}, current === "" ? 0 : 1);
        if (current === "") return;
        const settings = listing.text(join(env.paths.rootfs, "etc/selinux/config"));
        const mode = /^\s*SELINUX\s*=\s*(\w+)/m.exec(settings)?.[1] ?? "";
        listing.fact(selinuxConfigMode, {}, modes.get(mode.toLowerCase()) ?? -1);
        listing.value(enforce, selinuxCurrentMode, {});
      },
    });
  },
};
