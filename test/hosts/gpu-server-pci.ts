/** The PCI Express tree of the GPU server: four host bridges, each with a switch that has two GPUs, two or three adapters and three drives below. */
import type { Draw } from "./gpu-server.ts";
import { linkTo, type HostTree } from "./tree.ts";

interface Parts {
  readonly drives: number;
  readonly ports: number;
  readonly draw: Draw;
}

interface End {
  readonly classCode: string;
  readonly vendor: string;
  readonly lanes: number;
  /** The folder that says what it is to its users. */
  readonly name: string;
}

type Files = Record<string, string | null>;

const hostBridges = ["10", "50", "90", "d0"];
const gpusPerBridge = 2;
const correctable =
  "RxErr BadTLP BadDLLP Rollover Timeout NonFatalErr CorrIntErr HeaderOF TOTAL_ERR_COR".split(" ");
const uncorrectable =
  "Undefined DLP SDES TLP FCP CmpltTO CmpltAbrt UnxCmplt RxOF MalfTLP ECRC UnsupReq ACSViol UncorrIntErr BlockedTLP AtomicOpBlocked TLPBlockedErr PoisonTLPBlocked DMWrReqBlocked IDECheck MisIDETLP PCRC_CHECK TLPXlatBlocked".split(
    " ",
  );

export function gpuServerPci({ drives, ports, draw }: Parts): HostTree {
  const files: Files = {};
  hostBridges.forEach((bridge, index) => {
    const mine = (count: number): number[] =>
      Array.from({ length: count }, (_, one) => one).filter(
        (one) => one % hostBridges.length === index,
      );
    addHostBridge(files, bridge, draw, [
      ...Array.from({ length: gpusPerBridge }, () => gpu),
      ...mine(ports).map((port) => adapter(port)),
      ...mine(drives).map((drive) => solidState(drive)),
    ]);
  });
  return files;
}

const gpu: End = { classCode: "0x030200", vendor: "0x10de", lanes: 16, name: "" };

function adapter(port: number): End {
  const name = `infiniband/mlx5_${port}`;
  return { classCode: "0x020700", vendor: "0x15b3", lanes: 16, name };
}

function solidState(drive: number): End {
  return { classCode: "0x010802", vendor: "0x144d", lanes: 4, name: `nvme/nvme${drive}` };
}

function addHostBridge(files: Files, bridge: string, draw: Draw, ends: readonly End[]): void {
  const first = Number.parseInt(bridge, 16);
  const bus = (offset: number): string => (first + offset).toString(16).padStart(2, "0");
  const memoryNode = first < 0x80 ? 0 : 1;
  const add = (above: string, address: string, device: Omit<End, "name">): string =>
    addDevice(files, { above, address, memoryNode, draw }, device);
  const port = { classCode: "0x060400", vendor: "0x1000", lanes: 16 };
  const root = add(`sys/devices/pci0000:${bridge}`, `0000:${bridge}:01.0`, port);
  const upper = add(root, `0000:${bus(1)}:00.0`, port);
  ends.forEach(({ name, ...end }, index) => {
    const slot = index.toString(16).padStart(2, "0");
    const lower = add(upper, `0000:${bus(2)}:${slot}.0`, port);
    const folder = add(lower, `0000:${bus(3 + index)}:00.0`, end);
    if (name !== "") files[`${folder}/${name}`] = null;
  });
}

function addDevice(
  files: Files,
  place: {
    readonly above: string;
    readonly address: string;
    readonly memoryNode: number;
    readonly draw: Draw;
  },
  { classCode, vendor, lanes }: Omit<End, "name">,
): string {
  const { above, address, memoryNode, draw } = place;
  const folder = `${above}/${address}`;
  const timeouts = draw(3);
  const counted = (names: readonly string[], seen: Readonly<Record<string, number>>): string =>
    names.map((name) => `${name} ${seen[name] ?? 0}\n`).join("");
  for (const [file, text] of Object.entries({
    class: classCode,
    vendor,
    numa_node: String(memoryNode),
    local_cpulist: memoryNode === 0 ? "0-63,128-191" : "64-127,192-255",
    current_link_speed: "32.0 GT/s PCIe",
    max_link_speed: "32.0 GT/s PCIe",
    current_link_width: String(lanes),
    max_link_width: String(lanes),
  }))
    files[`${folder}/${file}`] = `${text}\n`;
  files[`${folder}/aer_dev_correctable`] = counted(correctable, {
    Timeout: timeouts,
    TOTAL_ERR_COR: timeouts,
  });
  files[`${folder}/aer_dev_nonfatal`] = counted([...uncorrectable, "TOTAL_ERR_NONFATAL"], {});
  files[`${folder}/aer_dev_fatal`] = counted([...uncorrectable, "TOTAL_ERR_FATAL"], {});
  files[`sys/bus/pci/devices/${address}`] = linkTo(
    `../../../devices/${folder.slice("sys/devices/".length)}`,
  );
  return folder;
}
