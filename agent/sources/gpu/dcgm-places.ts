/** Where DCGM is on this machine: the library's file, and the host engine's address. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../../../core/kit/env.ts";
import type { Target } from "../../probes/dcgm/messages.ts";

export interface DcgmPlaces {
  readonly libraries: readonly string[];
  readonly targets: readonly Target[];
  readonly mayBeAbsent: boolean;
}

const files = ["libdcgm.so.4", "libdcgm.so.3"];
const folders = [
  "usr/lib/x86_64-linux-gnu",
  "usr/lib/aarch64-linux-gnu",
  "usr/lib64",
  "usr/lib",
  "usr/local/lib",
];
const sockets = ["tmp/nv-hostengine", "run/nvidia/nv-hostengine"];
const port = 5555;

/** A string where there is none, or it is switched off: why. Looked at before the probe is started. */
export function findDcgm({ paths, variables }: Env, address: string): DcgmPlaces | string {
  if (address === "none") return "it is switched off: --gpu.dcgm-address=none";
  const given = variables["WARPWATCH_DCGM_LIBRARY"] ?? "";
  const libraries = given === "" ? installed(["/", paths.rootfs]) : [given];
  if (libraries.length === 0) return `neither ${files.join(" nor ")} is installed`;
  if (address !== "") return { libraries, targets: [targetOf(address)], mayBeAbsent: false };
  const found = sockets.map((path) => join(paths.rootfs, path)).filter((path) => existsSync(path));
  if (found.length === 0 && !existsSync(join(paths.procfs, "driver/nvidia")))
    return "the NVIDIA driver isn't loaded, and no host engine was named: --gpu.dcgm-address";
  const targets = [...found, `localhost:${port}`].map(targetOf);
  return { libraries, targets, mayBeAbsent: true };
}

/** The newer version wherever it is, then the older. */
function installed(roots: readonly string[]): string[] {
  const places = [...new Set(roots)].flatMap((root) => folders.map((folder) => join(root, folder)));
  return files
    .flatMap((file) => places.map((place) => join(place, file)))
    .filter((file) => existsSync(file));
}

function targetOf(address: string): Target {
  if (address === "embedded") return { kind: "embedded" };
  const path = address.replace(/^unix:(\/\/)?/, "");
  if (path.startsWith("/")) return { kind: "socket", address: path };
  return { kind: "tcp", address: /:\d+$/.test(address) ? address : `${address}:${port}` };
}
