/** How many control groups each controller has, from /proc/cgroups: name, hierarchy, groups, enabled, as cgroups(7) has it. */
import { join } from "node:path";
import { controlGroups, controllerEnabled } from "../../../core/catalog/tasks.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createTableReader } from "./table-reader.ts";

export const cgroupsSource: Source = {
  name: "cgroups",
  metrics: [controlGroups, controllerEnabled],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "cgroups");
    const file = openKeptFile(path);
    if (!file) return absent(`${path} isn't there: the kernel lacks CONFIG_CGROUPS`);
    return createTableReader(file, {
      plan: (slots) => (line) => {
        const name = /^([^#\s]+)\t/.exec(line)?.[1];
        if (name === undefined) return null;
        const labels = { subsys_name: name };
        return {
          keyBytes: name.length + 1,
          slots: [-1, slots.slot(controlGroups, labels), slots.slot(controllerEnabled, labels)],
        };
      },
    });
  },
};
