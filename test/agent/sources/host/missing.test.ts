import { expect, test } from "vitest";
import { openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

/** A machine whose kernel has next to nothing, seen through the right mounts. */
const bareHost = { "proc/stat": "cpu 1 2 3 4\n", "sys/devices": null, "sys/class/kfd": null };

test.each([
  ["pressure", /^nothing is at \/proc\/pressure: .*CONFIG_PSI$/],
  ["edac", /CONFIG_EDAC/],
  ["schedstat", /CONFIG_SCHEDSTATS/],
  ["conntrack", /nf_conntrack isn't loaded \(CONFIG_NF_CONNTRACK\)/],
  ["watchdog", /CONFIG_WATCHDOG_SYSFS/],
  ["kernel_hung", /6\.13 or lacks CONFIG_DETECT_HUNG_TASK/],
  ["gpu_cgroups", /CONFIG_CGROUPS/],
])("%s names the option of the kernel that it needs", async (name, sentence) => {
  expect(await openOutcome(sourceNamed(name), bareHost)).toMatch(sentence);
});

test.each([
  ["pressure", /mount it and say where with --path\.procfs/],
  ["netstat", /--path\.procfs/],
  ["netclass", /mount it and say where with --path\.sysfs/],
  ["hwmon", /--path\.sysfs/],
])("%s names the mount where it is the mount that is missing", async (name, sentence) => {
  expect(await openOutcome(sourceNamed(name), {})).toMatch(sentence);
});
