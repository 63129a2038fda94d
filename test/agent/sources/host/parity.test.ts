/** The host sources beside the original: Debian's prometheus-node-exporter on the same host, series by series and value by value. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { defaultCollectors } from "../../../../agent/collector-flags.ts";
import { createHostSources } from "../../../../agent/sources/host/all.ts";
import { defaultPaths, type HostPaths } from "../../../../core/kit/env.ts";
import { gpuServer } from "../../../hosts/gpu-server.ts";
import { maskedContainer } from "../../../hosts/masked-container.ts";
import { oddNames } from "../../../hosts/odd-names.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { virtualMachine } from "../../../hosts/virtual-machine.ts";
import { workstation } from "../../../hosts/workstation.ts";
import { writeHost } from "../../../hosts/tree.ts";
import { differences } from "./parity-differences.ts";
import { describeParity } from "./parity-suite.ts";

const folder = mkdtempSync(join(tmpdir(), "warpwatch-parity-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hosts: readonly (readonly [string, HostPaths, boolean])[] = [
  ["this machine", defaultPaths, false],
  ["a small server", writeHost(join(folder, "small"), smallServer()), true],
  ["a GPU server", writeHost(join(folder, "gpu"), gpuServer()), true],
  ["a workstation", writeHost(join(folder, "desk"), workstation()), true],
  ["a virtual machine", writeHost(join(folder, "virtual"), virtualMachine()), true],
  ["a masked container", writeHost(join(folder, "masked"), maskedContainer()), true],
  ["odd names", writeHost(join(folder, "odd"), oddNames()), true],
];

describeParity({
  hosts,
  sources: createHostSources(defaultCollectors.options),
  differences,
  smallest: 30,
});

test("the deliberate differences are few and each has its reason", () => {
  expect(differences.length).toBeLessThanOrEqual(10);
  for (const { reason } of differences) expect(reason).toMatch(/\w{3}/);
});
