/** Kernel and host names from /proc/sys/kernel, which hold what uname(2) returns; the machine type is the program's own. */
import { machine } from "node:os";
import { join } from "node:path";
import { unameInfo } from "../../../core/catalog/system.ts";
import { absent, type Source } from "../source.ts";
import { createFactsReader } from "./facts.ts";
import { readText } from "./kept-file.ts";

export const unameSource: Source = {
  name: "uname",
  metrics: [unameInfo],
  sampling: "inventory",
  open({ env }) {
    const folder = join(env.paths.procfs, "sys/kernel");
    const read = (name: string): string => readText(join(folder, name)) ?? "";
    if (read("osrelease") === "") return absent(`${folder}/osrelease isn't there or says nothing`);
    return createFactsReader({
      gather: () => ({
        sysname: read("ostype"),
        release: read("osrelease"),
        version: read("version"),
        // Kernels since 6.1 say it themselves.
        machine: read("arch") || machine(),
        nodename: read("hostname"),
        domainname: read("domainname"),
      }),
      declare: (facts, slots) => [[slots.slot(unameInfo, facts), 1]],
    });
  },
};
