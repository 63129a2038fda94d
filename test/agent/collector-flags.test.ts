import { parseArgs } from "node:util";
import { expect, test } from "vitest";
import { agentConfigFromFlags } from "../../agent/config.ts";
import { chooseCollectors, collectorFlags, everyCollector } from "../../agent/collector-flags.ts";
import { hostSources } from "../../agent/sources/host/all.ts";
import { realSources } from "../../agent/sources/all.ts";

const namesFor = (args: string[]): string[] => {
  const { values } = parseArgs({ args, options: collectorFlags });
  const { collectors } = agentConfigFromFlags({ ...values }, {});
  return realSources(collectors).map(({ name }) => name);
};

test("every family of the host has its flags, and a flag switches its family off", () => {
  const all = namesFor([]);
  for (const { name } of [...hostSources, { name: "textfile" }]) {
    const family = name === "cpu_details" ? "cpu" : name;
    expect(all).toContain(name);
    expect(namesFor([`--no-collector.${family}`])).not.toContain(name);
    expect(namesFor([`--collector.${family}`])).toEqual(all);
  }
  expect(all).toEqual(realSources(everyCollector).map(({ name }) => name));
});

test("a family that is switched both ways is a mistake, and so is one that doesn't exist", () => {
  expect(() => chooseCollectors({ "collector.xfs": true, "no-collector.xfs": true })).toThrow(
    "--no-collector.xfs: --collector.xfs is given too",
  );
  expect(() => agentConfigFromFlags({ "no-collector.nonsense": true }, {})).toThrow(
    "--no-collector.nonsense: there is no such flag",
  );
});

test("the folder of files is where the flag says", () => {
  expect(chooseCollectors({ "collector.textfile.directory": "/srv/prom" }).textfileFolder).toBe(
    "/srv/prom",
  );
});
