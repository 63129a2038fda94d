/** Network interfaces' drivers: worked out by hand from answers that a probe may give, and held against this machine's own. */
import { readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { defaultCollectors } from "../../../../agent/collector-flags.ts";
import type { EthtoolAnswer, EthtoolQuestion } from "../../../../agent/probes/ethtool-message.ts";
import { slowKernelCalls } from "../../../../agent/probes/slow-kernel-calls.ts";
import { createEthtoolSource } from "../../../../agent/sources/host/ethtool.ts";
import type { Reader } from "../../../../agent/sources/source.ts";
import type { HostOptions } from "../../../../agent/sources/host/options.ts";
import { defaultPaths } from "../../../../core/kit/env.ts";
import { writeHost } from "../../../hosts/tree.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { inProcessProbes } from "../../../kit/probes.ts";
import { makeHostContext, readRound } from "./context.ts";

const defaults = defaultCollectors.options.ethtool;

type Answers = Readonly<Record<string, (question: EthtoolQuestion) => EthtoolAnswer>>;

/** Opens the source over a host with these interfaces and a probe that answers so. */
async function open(
  answers: Answers,
  options: HostOptions["ethtool"] = defaults,
): Promise<{ reader: Reader; questions: EthtoolQuestion[] }> {
  const root = makeFolder();
  const names = Object.keys(answers);
  const paths = writeHost(
    root,
    Object.fromEntries(names.map((name) => [`sys/class/net/${name}/mtu`, "1500\n"])),
  );
  const questions: EthtoolQuestion[] = [];
  const probes = inProcessProbes({
    "slow-kernel": {
      ethtool: (argument) => {
        const question = argument as EthtoolQuestion;
        questions.push(question);
        return answers[question.device]?.(question);
      },
    },
  });
  const reader = await createEthtoolSource(options).open(
    { ...makeHostContext({ paths }), probes },
    new AbortController().signal,
  );
  if ("absent" in reader) throw new Error(reader.absent);
  return { reader, questions };
}

const driver = {
  driver: "mlx5_core",
  version: "6.8",
  firmware: "28.1",
  bus: "0000:1a:00.0",
  expansionRom: "",
};
const silent: EthtoolAnswer = { settings: null, driver: null, statistics: null };

function counts(names: readonly string[], values: readonly number[]): EthtoolAnswer {
  return {
    ...silent,
    driver,
    statistics: { namesVersion: "v1", names, values: Float64Array.from(values) },
  };
}

test("names what drivers count as node_exporter does", async () => {
  const { reader } = await open({
    eth0: () =>
      counts(
        [
          "rx_bytes",
          "tx_packets",
          "rx0_cache.reuse",
          "Tx Queue[1]: drops",
          "tx_rx_mix",
          "",
          "rx0_cache_reuse",
        ],
        [1, 2, 3, 4, 5, 6, 7],
      ),
  });
  expect(Object.fromEntries(await readRound(reader))).toEqual({
    'node_ethtool_info{bus_info="0000:1a:00.0",device="eth0",driver="mlx5_core",expansion_rom_version="",firmware_version="28.1",version="6.8"}': 1,
    'node_ethtool_received_bytes_total{device="eth0"}': 1,
    'node_ethtool_transmitted_packets_total{device="eth0"}': 2,
    'node_ethtool_rx0_cache_reuse{device="eth0"}': 3,
    'node_ethtool_transmitted_queue_1_drops{device="eth0"}': 4,
    'node_ethtool_transmitted_received_mix{device="eth0"}': 5,
  });
});

test("gives modes, ports and abilities from the bits of the link's settings", async () => {
  const supported = (1 << 5) | (1 << 6) | (1 << 10) | (1 << 13) | (1 << 31);
  const { reader } = await open({
    eth0: () => ({ ...silent, settings: { supported, advertised: 1 << 5, autonegotiate: 1 } }),
  });
  expect(Object.fromEntries(await readRound(reader))).toEqual({
    'node_network_supported_speed_bytes{device="eth0",duplex="full",mode="1000baseT"}': 125e6,
    'node_network_supported_speed_bytes{device="eth0",duplex="full",mode="25000baseCR"}': 3.125e9,
    'node_network_advertised_speed_bytes{device="eth0",duplex="full",mode="1000baseT"}': 125e6,
    'node_network_supported_port_info{device="eth0",type="FIBRE"}': 1,
    'node_network_autonegotiate_supported{device="eth0"}': 1,
    'node_network_pause_supported{device="eth0"}': 1,
    'node_network_asymmetricpause_supported{device="eth0"}': 0,
    'node_network_autonegotiate_advertised{device="eth0"}': 0,
    'node_network_pause_advertised{device="eth0"}': 0,
    'node_network_asymmetricpause_advertised{device="eth0"}': 0,
    'node_network_autonegotiate{device="eth0"}': 1,
  });
});

test("keeps the other interfaces, and the series of the one whose driver doesn't answer", async () => {
  let isDead = false;
  const { reader } = await open({
    eth0: () => counts(["rx_drops"], [1]),
    eth1: () => {
      if (isDead) throw new Error("the firmware is gone");
      return counts(["rx_drops"], [2]);
    },
  });
  expect((await readRound(reader)).size).toBe(4);
  isDead = true;
  const left = [...(await readRound(reader)).keys()];
  expect(left).toHaveLength(2);
  expect(left.every((name) => name.includes("eth0"))).toBe(true);
});

test("asks for a driver's names once, and again when they are others", async () => {
  let names: string[] = ["rx_drops"];
  const { reader, questions } = await open({
    eth0: ({ namesVersion }) => {
      const version = names.join();
      return {
        ...silent,
        statistics: {
          namesVersion: version,
          names: namesVersion === version ? null : names,
          values: Float64Array.from(names, (_, index) => index),
        },
      };
    },
  });
  await readRound(reader);
  names = ["rx_drops", "rx0_drops"];
  const samples = await readRound(reader);
  expect([...samples]).toEqual([
    ['node_ethtool_received_drops{device="eth0"}', 0],
    ['node_ethtool_rx0_drops{device="eth0"}', 1],
  ]);
  expect([...new Set(questions.map(({ namesVersion }) => namesVersion))]).toEqual([
    "",
    "rx_drops",
    "rx_drops,rx0_drops",
  ]);
});

test("leaves out interfaces and counts by the flags' patterns", async () => {
  const { reader } = await open(
    {
      eth0: () => counts(["rx_drops", "tx_drops"], [1, 2]),
      veth1: () => counts(["rx_drops"], [3]),
    },
    {
      keepsDevice: (name) => !name.startsWith("veth"),
      keepsMetric: (name) => name.startsWith("rx"),
    },
  );
  const names = [...(await readRound(reader)).keys()];
  expect(names.filter((name) => !name.startsWith("node_ethtool_info"))).toEqual([
    'node_ethtool_received_drops{device="eth0"}',
  ]);
});

test("asks this machine's own interfaces: the driver is that which sysfs names", async () => {
  const probes = inProcessProbes({ "slow-kernel": slowKernelCalls });
  const reader = await createEthtoolSource(defaults).open(
    { ...makeHostContext({ paths: defaultPaths }), probes },
    new AbortController().signal,
  );
  if ("absent" in reader) throw new Error(reader.absent);
  const told = [...(await readRound(reader)).keys()].flatMap((name) => {
    const found = /^node_ethtool_info\{.*device="([^"]*)",driver="([^"]*)"/.exec(name);
    return found ? [[found[1], found[2]]] : [];
  });
  const real = readdirSync("/sys/class/net").flatMap((device) => {
    const driverName = linkedName(`/sys/class/net/${device}/device/driver`);
    return driverName === null ? [] : [[device, driverName]];
  });
  for (const [device, name] of real) {
    const own = told.find(([one]) => one === device);
    expect(own?.[1]?.replaceAll("-", "_")).toBe(name?.replaceAll("-", "_"));
  }
});

/** The last part of what a link points to; null where there is none. */
function linkedName(path: string): string | null {
  try {
    return basename(readlinkSync(path));
  } catch {
    return null;
  }
}
