/** Maker and model of the machine from /sys/class/dmi/id, which the firmware fills; serial numbers are for root only. */
import { join } from "node:path";
import { dmiInfo } from "../../../core/catalog/identity.ts";
import { absent, type Source } from "../source.ts";
import { createFactsReader } from "./facts.ts";
import { readFact } from "./kept-file.ts";
import { missing } from "./missing.ts";

export const dmiSource: Source = {
  name: "dmi",
  metrics: [dmiInfo],
  sampling: "inventory",
  open({ env }) {
    const folder = join(env.paths.sysfs, "class/dmi/id");
    const gather = (): Record<(typeof dmiInfo.labels)[number], string> => {
      const facts = dmiInfo.labels.map((label) => {
        const file = label === "system_vendor" ? "sys_vendor" : label;
        return [label, readFact(join(folder, file)).trim()] as const;
      });
      return Object.fromEntries(facts) as Record<(typeof dmiInfo.labels)[number], string>;
    };
    if (Object.values(gather()).every((fact) => fact === ""))
      return absent(missing("dmi", env.paths, folder));
    return createFactsReader({
      gather,
      declare: (facts, slots) => [[slots.slot(dmiInfo, facts), 1]],
    });
  },
};
