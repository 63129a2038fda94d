import { parseArgs } from "node:util";
import { expect, test } from "vitest";
import { agentConfigFromFlags } from "../../agent/config.ts";
import {
  chooseCollectors,
  collectorFlags,
  defaultCollectors,
} from "../../agent/collector-flags.ts";
import { hostSources } from "../../agent/sources/host/all.ts";
import { createOptionalSources } from "../../agent/sources/host/optional.ts";
import { realSources } from "../../agent/sources/all.ts";

const namesFor = (args: string[]): string[] => {
  const { values } = parseArgs({ args, options: collectorFlags });
  const { collectors } = agentConfigFromFlags({ ...values }, {});
  return realSources(collectors).map(({ name }) => name);
};
const optional = createOptionalSources(defaultCollectors.options).map(({ name }) => name);
/** The sources whose family has another name. */
const familyOf: Readonly<Record<string, string>> = {
  cpu_details: "cpu",
  cpu_info: "cpu",
  mdadm_details: "mdadm",
  mount_info: "filesystem",
};

test("every family of the host has its flags, and a flag switches its family off", () => {
  const all = namesFor([]);
  for (const { name } of [...hostSources, { name: "textfile" }]) {
    if (optional.includes(name)) continue;
    const family = familyOf[name] ?? name;
    expect(all).toContain(name);
    expect(namesFor([`--no-collector.${family}`])).not.toContain(name);
    expect(namesFor([`--collector.${family}`])).toEqual(all);
  }
  expect(all).toEqual(realSources().map(({ name }) => name));
});

test("a family that is off by default is read only when its flag asks for it", () => {
  const all = namesFor([]);
  for (const name of optional) {
    expect(all).not.toContain(name);
    expect(namesFor([`--collector.${name}`]).toSorted()).toEqual([...all, name].toSorted());
    expect(namesFor([`--no-collector.${name}`])).toEqual(all);
  }
});

test("without the defaults only what is asked for is left, and the GPUs", () => {
  const names = namesFor(["--collector.disable-defaults", "--collector.cpu", "--collector.zfs"]);
  expect(names).toContain("cpu");
  expect(names).toContain("cpu_details");
  expect(names).toContain("zfs");
  expect(names).toContain("inventory");
  expect(names).not.toContain("meminfo");
  expect(names).not.toContain("textfile");
});

test("a family that is switched both ways is a mistake, and so is one that doesn't exist", () => {
  expect(() => chooseCollectors({ "collector.xfs": true, "no-collector.xfs": true })).toThrow(
    "--no-collector.xfs: --collector.xfs is given too",
  );
  expect(() => agentConfigFromFlags({ "no-collector.nonsense": true }, {})).toThrow(
    "--no-collector.nonsense: there is no such flag",
  );
});
