/** The agent's settings: flags in, settings out, and every mistake named by its flag. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describe, expect, test } from "vitest";
import {
  agentConfigFromFlags,
  defaultAgentConfig,
  defaultStateFolder,
  parseListenAddress,
  withPlace,
  type FlagValues,
} from "../../agent/config.ts";
import { agentFlags } from "../../agent/flags.ts";
import { makeFolder } from "../kit/folder.ts";

const variables = { STATE_DIRECTORY: "/var/lib/private/warpwatch" };
const fromFlags = (flags: FlagValues): ReturnType<typeof agentConfigFromFlags> =>
  agentConfigFromFlags(flags, variables);

test("no flags give the defaults", () => {
  expect(fromFlags({})).toEqual({
    ...defaultAgentConfig,
    collectors: expect.any(Object) as unknown,
    stateFolder: variables.STATE_DIRECTORY,
  });
});

test("the table is what node:util's parseArgs takes", () => {
  const { values } = parseArgs({
    args: ["--web.listen-address=:9999", "--web.host", "a.example", "--web.host", "b.example"],
    options: agentFlags,
  });
  const config = fromFlags({ ...values });
  expect(config.listen).toEqual({ host: "::", port: 9999 });
  expect(config.hostNames).toEqual(["a.example", "b.example"]);
});

test("other exporters' subsets have addresses of their own where they are asked for", () => {
  const flags = { "compat.node-exporter": ":9100", "compat.dcgm-exporter": "127.0.0.1:9400" };
  const { nodeExporter, dcgmExporter } = fromFlags(flags);
  expect(nodeExporter).toEqual({ host: "::", port: 9100 });
  expect(dcgmExporter).toEqual({ host: "127.0.0.1", port: 9400 });
  expect(fromFlags({}).dcgmExporter).toBeNull();
  for (const flag of Object.keys(flags))
    expect(() => fromFlags({ [flag]: "9100" })).toThrow(`--${flag}`);
});

test("a fast period slower than the others slows them too", () => {
  const { periodMilliseconds } = fromFlags({ "sampling.fast-period": "30s" }).sampling;
  expect(periodMilliseconds).toMatchObject({ fast: 30_000, steady: 30_000 });
});

describe("mistakes are named by their flag", () => {
  test.each([
    ["web.listen-address", "9410"],
    ["web.listen-address", "127.0.0.1:99999"],
    ["web.listen-address", "http://127.0.0.1:9410"],
    ["web.telemetry-path", "metrics"],
    ["web.telemetry-path", "/"],
    ["web.telemetry-path", "/-/ready"],
    ["web.telemetry-path", "/a/../b"],
    ["web.telemetry-path", "/a//b"],
    ["web.host", "two words"],
    ["sampling.fast-period", "soon"],
    ["sampling.fast-period", "99ms"],
    ["sampling.fast-period", "0"],
    ["sampling.inventory-period", "2d"],
    ["sampling.max-series", "-1"],
    ["sampling.max-series", "1e3"],
    ["log.level", "loud"],
    ["no.such-flag", "1"],
  ])("--%s=%s", (flag, value) => {
    expect(() => fromFlags({ [flag]: value })).toThrow(
      expect.objectContaining({
        code: "FLAG_INVALID",
        message: expect.stringContaining(`--${flag}`),
      }),
    );
  });

  test("a flag without its value", () => {
    expect(() => fromFlags({ "path.procfs": true })).toThrow(/--path\.procfs: needs one value/);
  });
});

test.each([
  ["127.0.0.1:9410", { host: "127.0.0.1", port: 9410 }],
  [":0", { host: "::", port: 0 }],
  ["[::1]:80", { host: "::1", port: 80 }],
  ["node-7.example:9410", { host: "node-7.example", port: 9410 }],
])("%s is an address", (text, expected) =>
  expect(parseListenAddress("web.listen-address", text)).toEqual(expected),
);

test("the place comes from its file, and a wrong key is named by line", async () => {
  const file = join(makeFolder(), "place.yaml");
  const load = () => withPlace(fromFlags({ "place.file": file }));
  writeFileSync(file, "cluster: alpha\nrack: r12\n");
  expect((await load()).place).toEqual({
    cluster: "alpha",
    region: "",
    rack: "r12",
    chassis: "",
    slot: "",
  });
  writeFileSync(file, "cluster: alpha\nrow: 3\n");
  await expect(load()).rejects.toThrow(`${file}:2: row: is not a setting`);
  writeFileSync(file, "rack: 12\n");
  await expect(load()).rejects.toThrow(`${file}:1: rack:`);
  rmSync(file);
  await expect(load()).rejects.toThrow(file);
});

test("the state folder is the one systemd gives, else the system's or the user's own", () => {
  expect(defaultStateFolder({ STATE_DIRECTORY: "/a:/b" })).toBe("/a");
  const own = defaultStateFolder({ HOME: "/home/u" });
  expect(own).toBe(
    process.getuid?.() === 0 ? "/var/lib/warpwatch" : "/home/u/.local/state/warpwatch",
  );
});
