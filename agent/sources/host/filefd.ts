/** Files open in the whole machine from /proc/sys/fs/file-nr: allocated, unused, maximum. */
import { join } from "node:path";
import { filesAllocated, filesMaximum } from "../../../core/catalog/kernel.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

export const filefdSource: Source = {
  name: "filefd",
  metrics: [filesAllocated, filesMaximum],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "sys/fs/file-nr");
    const file = openKeptFile(path, { initialBytes: 128 });
    if (!file) return absent(missing("filefd", env.paths, path));
    return createTableReader(file, {
      plan: (slots) => () => ({
        keyBytes: 0,
        slots: [slots.slot(filesAllocated, {}), -1, slots.slot(filesMaximum, {})],
      }),
    });
  },
};
