/** What the kernel shows of the machine: its trees, pressure, log, clock and the process's limits. */
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemCode } from "../../core/kit/errors.ts";
import { fail, ok, unknown, warn, type Check, type Outcome } from "./check.ts";

/** What the agent can't do without. */
const neededFiles = ["stat", "meminfo", "loadavg", "diskstats", "net/dev", "self/mountinfo"];
const enoughFiles = 4096;
/** No clock that was ever set is before this version was made. */
const earliestMilliseconds = Date.UTC(2026, 0, 1);
/** Reading these costs a trip to a device: every time stamp of every program gets slower. */
const slowClocks = new Set(["hpet", "acpi_pm", "jiffies"]);

export const treesCheck: Check = {
  name: "kernel files",
  meaning: "the agent reads processors, memory, disks and network from /proc and /sys",
  run({ paths }) {
    const missing = neededFiles
      .map((file) => join(paths.procfs, file))
      .concat(join(paths.sysfs, "class"))
      .flatMap((file) => (whyUnreadable(file) === "" ? [] : [`${file} (${whyUnreadable(file)})`]));
    if (missing.length === 0) return ok(`${paths.procfs} and ${paths.sysfs} can be read`);
    const remedy =
      "in a container mount the host's /proc and /sys read-only and name them with --path.procfs and --path.sysfs";
    return fail(`can't be read: ${missing.join(", ")}`, remedy);
  },
};

export const pressureCheck: Check = {
  name: "pressure",
  meaning: "how long work waits for processors, memory and disks, before anything is full",
  run({ paths }) {
    const file = join(paths.procfs, "pressure/cpu");
    const reason = whyUnreadable(file);
    if (reason === "") return ok("the kernel measures it");
    return reason === "ENOENT" || reason === "EOPNOTSUPP"
      ? warn("the kernel doesn't measure it", "start the kernel with psi=1 (CONFIG_PSI)")
      : warn(`${file} can't be read (${reason})`, "give this user the right to read it");
  },
};

export const kernelLogCheck: Check = {
  name: "kernel log",
  meaning: "GPU errors (XIDs), memory errors and kills are told there first",
  run({ paths }) {
    const file = join(paths.rootfs, "dev/kmsg");
    const reason = whyUnreadable(file);
    if (reason === "") return ok(`${file} can be read`);
    if (reason === "ENOENT")
      return warn(
        `there is no ${file}`,
        "in a container mount it; without it XIDs come by NVML only",
      );
    const remedy =
      "run as root, with CAP_SYSLOG, or set kernel.dmesg_restrict=0; without it XIDs come by NVML only";
    return warn(`${file} can't be read (${reason})`, remedy);
  },
};

export const clockCheck: Check = {
  name: "clock",
  meaning: "samples, alerts and their order over nodes rest on the time",
  run({ env, paths }): Outcome {
    const now = env.clock.now();
    const told = new Date(now).toISOString();
    if (now < earliestMilliseconds)
      return fail(`it says ${told}, which can't be`, "set the clock: chronyd, timesyncd or ntpd");
    const source = readText(
      join(paths.sysfs, "devices/system/clocksource/clocksource0/current_clocksource"),
    );
    if (source !== null && slowClocks.has(source))
      return warn(
        `the kernel keeps time by ${source}, which is slow`,
        "see dmesg for why tsc was given up; clocksource=tsc on the kernel's command line takes it back",
      );
    const synchronised = [
      "run/systemd/timesync/synchronized",
      "run/chrony",
      "var/lib/chrony/drift",
      "run/ntpd.pid",
    ].find((file) => existsSync(join(paths.rootfs, file)));
    const by = source === null ? "" : `, kept by ${source}`;
    return synchronised === undefined
      ? unknown(
          `no trace of chrony, timesyncd or ntpd: nobody may keep it right${by}`,
          "run chronyd or systemd-timesyncd on the node, if its hypervisor doesn't set the clock",
        )
      : ok(
          `set by ${synchronised.includes("chrony") ? "chrony" : synchronised.includes("ntpd") ? "ntpd" : "timesyncd"}${by}`,
        );
  },
};

export const openFilesCheck: Check = {
  name: "open files",
  meaning: "every kept-open kernel file, connection and target takes one",
  run({ paths }) {
    const text = readText(join(paths.procfs, "self/limits"));
    const match = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(text ?? "");
    if (!match) return unknown("the limit can't be read");
    const [, soft = "", hard = ""] = match;
    if (soft === "unlimited" || Number(soft) >= enoughFiles) return ok(`up to ${soft}`);
    // Node raises its own soft limit to the hard one.
    return hard === "unlimited" || Number(hard) >= enoughFiles
      ? ok(`up to ${soft}, raised to ${hard} at the start`)
      : warn(
          `only ${hard} are allowed`,
          `LimitNOFILE=65536 in the unit, or ulimit -n ${enoughFiles}`,
        );
  },
};

/** Empty when it can be read; the system's code otherwise. */
function whyUnreadable(file: string): string {
  try {
    // Opening is enough, and never waits: the right to read is checked here, and a folder opens too.
    closeSync(openSync(file, "r"));
    return "";
  } catch (thrown) {
    return systemCode(thrown) || "unknown reason";
  }
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return null;
  }
}
