/** Tape drives from /sys/class/scsi_tape, as the kernel's scsi/st document has it: nst0 is the drive, its other names are modes of it. */
import { join } from "node:path";
import { tape } from "../../../core/catalog/drives.ts";
import type { FamilyForm } from "../../../core/catalog/metric.ts";
import type { Source } from "../source.ts";
import type { ValueOptions } from "./listed-entry.ts";
import { openListedReader } from "./listed-reader.ts";
import type { HostOptions } from "./options.ts";
import { missing } from "./missing.ts";

const bytes: FamilyForm = { unit: "bytes" };
const seconds: FamilyForm = { unit: "seconds" };
const nanoseconds: ValueOptions = { divisor: 1e9 };
const files: readonly (readonly [string, string, FamilyForm, ValueOptions])[] = [
  ["in_flight", "io_now", { kind: "gauge" }, {}],
  ["io_ns", "io_time_seconds_total", seconds, nanoseconds],
  ["other_cnt", "io_others_total", {}, {}],
  ["read_byte_cnt", "read_bytes_total", bytes, {}],
  ["read_cnt", "reads_completed_total", {}, {}],
  ["read_ns", "read_time_seconds_total", seconds, nanoseconds],
  ["resid_cnt", "residual_total", {}, {}],
  ["write_byte_cnt", "written_bytes_total", bytes, {}],
  ["write_cnt", "writes_completed_total", {}, {}],
  ["write_ns", "write_time_seconds_total", seconds, nanoseconds],
];

export function createTapestatsSource({ keepsDevice }: HostOptions["tapestats"]): Source {
  return {
    name: "tapestats",
    metrics: [tape],
    sampling: "fast",
    open({ env }) {
      const folder = join(env.paths.sysfs, "class/scsi_tape");
      return openListedReader({
        clock: env.clock,
        absent: missing("tapestats", env.paths, folder),
        list(listing) {
          for (const device of listing.folder(folder, /^st\d+$/).filter(keepsDevice))
            for (const [file, key, form, options] of files)
              listing.value(
                join(folder, device, "stats", file),
                tape.metric(key, form),
                { device },
                options,
              );
        },
      });
    },
  };
}
