import { expect, test } from "vitest";
import { gpuServer } from "../../../hosts/gpu-server.ts";
import { linkTo, type HostTree } from "../../../hosts/tree.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const pci = sourceNamed("pci");

/** A device at a path below /sys/devices, as the bus links to it. */
function device(path: string, files: Readonly<Record<string, string>>): HostTree {
  const address = path.split("/").at(-1) ?? "";
  return {
    ...Object.fromEntries(
      Object.entries(files).map(([file, text]) => [`sys/devices/${path}/${file}`, `${text}\n`]),
    ),
    [`sys/bus/pci/devices/${address}`]: linkTo(`../../../devices/${path}`),
  };
}

const link = (speed: string, lanes: number, maximumSpeed: string, maximumLanes: number) => ({
  current_link_speed: speed,
  current_link_width: String(lanes),
  max_link_speed: maximumSpeed,
  max_link_width: String(maximumLanes),
});

const root = "pci0000:16/0000:16:01.0";
const upper = `${root}/0000:17:00.0`;
const lower = (slot: number): string => `${upper}/0000:18:0${slot}.0`;
const gpu = `${lower(0)}/0000:19:00.0`;
const nic = `${lower(1)}/0000:1a:00.0`;

const server: HostTree = {
  ...device(root, { class: "0x060400", ...link("16.0 GT/s PCIe", 16, "32.0 GT/s PCIe", 16) }),
  ...device(upper, { class: "0x060400", ...link("16.0 GT/s PCIe", 16, "16.0 GT/s PCIe", 16) }),
  ...device(lower(0), { class: "0x060400", ...link("16.0 GT/s PCIe", 8, "16.0 GT/s PCIe", 16) }),
  ...device(lower(1), { class: "0x060400", ...link("16.0 GT/s PCIe", 8, "16.0 GT/s PCIe", 8) }),
  ...device(gpu, {
    class: "0x030200",
    vendor: "0x10de",
    ...link("2.5 GT/s PCIe", 8, "32.0 GT/s PCIe", 16),
    numa_node: "1",
    local_cpulist: "32-63",
    aer_dev_correctable: "RxErr 0\nBadTLP 2\nTimeout 5\nTOTAL_ERR_COR 7",
    aer_dev_fatal: "DLP 0\nTOTAL_ERR_FATAL 0",
  }),
  ...device(nic, {
    class: "0x020000",
    vendor: "0x15b3",
    ...link("16.0 GT/s PCIe", 8, "16.0 GT/s PCIe", 16),
    numa_node: "1",
    local_cpulist: "32-63",
  }),
  [`sys/devices/${nic}/net/ens1np0`]: null,
  [`sys/devices/${nic}/infiniband/mlx5_0`]: null,
  // Another adapter on the same memory node, below a bridge of its own; the display of the board's controller; a virtual function.
  ...device("pci0000:30/0000:30:00.0", { class: "0x020000", numa_node: "1" }),
  ...device("pci0000:00/0000:00:1f.0", { class: "0x030000", vendor: "0x1a03" }),
  ...device(`${lower(1)}/0000:1a:00.2`, { class: "0x020000", vendor: "0x15b3" }),
  [`sys/devices/${lower(1)}/0000:1a:00.2/physfn`]: linkTo("../0000:1a:00.0"),
};

async function read(tree: HostTree): Promise<Record<string, number>> {
  return Object.fromEntries(await (await drive(pci, tree)).read());
}

function named(samples: Readonly<Record<string, number>>, prefix: string): Record<string, number> {
  return Object.fromEntries(Object.entries(samples).filter(([name]) => name.startsWith(prefix)));
}

test("tells each link once, by its lower end, and what both of its ends could do", async () => {
  const samples = await read(server);
  const gpuLabels = '{device="0000:19:00.0",kind="gpu"}';
  const nicLabels = '{device="0000:1a:00.0",kind="nic"}';
  const switchLabels = '{device="0000:17:00.0",kind="bridge"}';
  expect(named(samples, "warpwatch_pci_link_")).toEqual({
    [`warpwatch_pci_link_lanes${gpuLabels}`]: 8,
    [`warpwatch_pci_link_lanes_max${gpuLabels}`]: 16,
    [`warpwatch_pci_link_transfers_per_second${gpuLabels}`]: 2.5e9,
    [`warpwatch_pci_link_transfers_per_second_max${gpuLabels}`]: 16e9,
    [`warpwatch_pci_link_lanes${nicLabels}`]: 8,
    // The port above it has no more.
    [`warpwatch_pci_link_lanes_max${nicLabels}`]: 8,
    [`warpwatch_pci_link_transfers_per_second${nicLabels}`]: 16e9,
    [`warpwatch_pci_link_transfers_per_second_max${nicLabels}`]: 16e9,
    [`warpwatch_pci_link_lanes${switchLabels}`]: 16,
    [`warpwatch_pci_link_lanes_max${switchLabels}`]: 16,
    [`warpwatch_pci_link_transfers_per_second${switchLabels}`]: 16e9,
    [`warpwatch_pci_link_transfers_per_second_max${switchLabels}`]: 16e9,
  });
});

test("counts errors by class from the first reading, and by type once one was seen", async () => {
  const driven = await drive(pci, server);
  const labels = 'device="0000:19:00.0"';
  expect(named(Object.fromEntries(await driven.read()), "warpwatch_pci_aer_")).toEqual({
    [`warpwatch_pci_aer_errors_total{${labels},error_class="correctable",kind="gpu"}`]: 7,
    [`warpwatch_pci_aer_errors_total{${labels},error_class="fatal",kind="gpu"}`]: 0,
    [`warpwatch_pci_aer_errors_by_type_total{${labels},error="BadTLP",error_class="correctable",kind="gpu"}`]: 2,
    [`warpwatch_pci_aer_errors_by_type_total{${labels},error="Timeout",error_class="correctable",kind="gpu"}`]: 5,
  });
  driven.change({ [`sys/devices/${gpu}/aer_dev_fatal`]: "DLP 1\nTOTAL_ERR_FATAL 1\n" });
  const later = await driven.read();
  expect(
    later.get(`warpwatch_pci_aer_errors_total{${labels},error_class="fatal",kind="gpu"}`),
  ).toBe(1);
  expect(
    later.get(
      `warpwatch_pci_aer_errors_by_type_total{${labels},error="DLP",error_class="fatal",kind="gpu"}`,
    ),
  ).toBe(1);
});

test("says where each device hangs and which adapter is near which GPU", async () => {
  const samples = await read(server);
  expect(Object.keys(named(samples, "warpwatch_pci_locality_info"))).toEqual([
    'warpwatch_pci_locality_info{cpus="32-63",device="0000:19:00.0",kind="gpu",name="",numa_node="1",parent="0000:18:00.0"}',
    'warpwatch_pci_locality_info{cpus="32-63",device="0000:1a:00.0",kind="nic",name="ens1np0,mlx5_0",numa_node="1",parent="0000:18:01.0"}',
    'warpwatch_pci_locality_info{cpus="",device="0000:30:00.0",kind="nic",name="",numa_node="1",parent=""}',
  ]);
  expect(Object.keys(named(samples, "warpwatch_gpu_nic_locality_info"))).toEqual([
    'warpwatch_gpu_nic_locality_info{device="0000:19:00.0",name="ens1np0,mlx5_0",nic="0000:1a:00.0",scope="pcie_switch"}',
    'warpwatch_gpu_nic_locality_info{device="0000:19:00.0",name="",nic="0000:30:00.0",scope="numa_node"}',
  ]);
});

test("says nothing of a link that is down", async () => {
  const samples = await read(
    device("pci0000:00/0000:00:02.0", {
      class: "0x010802",
      ...link("Unknown", 63, "Unknown", 255),
    }),
  );
  expect(named(samples, "warpwatch_pci_link_")).toEqual({});
});

test("tells of a GPU server's 30 devices and the switches above them in a bounded number of series", async () => {
  const driven = await drive(pci, gpuServer());
  const samples = Object.fromEntries(await driven.read());
  const kinds = Object.keys(named(samples, "warpwatch_pci_locality_info")).map(
    (name) => /kind="(\w+)"/.exec(name)?.[1],
  );
  const count = (kind: string): number => kinds.filter((found) => found === kind).length;
  expect([count("gpu"), count("nic"), count("nvme")]).toEqual([8, 10, 12]);
  expect(samples["warpwatch_pci_devices_left_out"]).toBe(0);
  // 30 devices with a link and a place, 68 with three counts, four switches' links, pairs of one memory node, types seen.
  expect(driven.series.length).toBeLessThan(600);
});

test("is absent where nothing of these classes is", async () => {
  expect(await openOutcome(pci, device("pci0000:00/0000:00:1f.0", { class: "0x060100" }))).toMatch(
    /no GPU, network adapter or NVMe drive is on the bus/,
  );
});
