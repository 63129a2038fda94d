import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { findDcgm } from "../../../../agent/sources/gpu/dcgm-places.ts";
import { createEnv, type Env } from "../../../../core/kit/env.ts";
import { makeFolder } from "../../../kit/folder.ts";

function hostWith(...files: string[]): { env: Env; root: string } {
  const root = makeFolder();
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "");
  }
  const paths = { procfs: join(root, "proc"), sysfs: join(root, "sys"), rootfs: root };
  return { env: createEnv({ variables: {}, paths }), root };
}

const four = "usr/lib/x86_64-linux-gnu/libdcgm.so.4";
const three = "usr/lib64/libdcgm.so.3";

test("is nowhere without a library, and off where it is switched off", () => {
  expect(findDcgm(hostWith().env, "")).toBe("neither libdcgm.so.4 nor libdcgm.so.3 is installed");
  expect(findDcgm(hostWith(four).env, "none")).toBe("it is switched off: --gpu.dcgm-address=none");
});

test("isn't looked for where no driver is loaded and no socket is there", () => {
  expect(findDcgm(hostWith(four).env, "")).toMatch(
    /driver isn't loaded, and no host engine was named/,
  );
});

test("takes version 4 before version 3, and a host engine's socket before its port", () => {
  const { env, root } = hostWith(three, four, "tmp/nv-hostengine", "proc/driver/nvidia/version");
  expect(findDcgm(env, "")).toEqual({
    libraries: [join(root, four), join(root, three)],
    targets: [
      { kind: "socket", address: join(root, "tmp/nv-hostengine") },
      { kind: "tcp", address: "localhost:5555" },
    ],
    mayBeAbsent: true,
  });
});

test.each([
  ["10.0.0.7", { kind: "tcp", address: "10.0.0.7:5555" }],
  ["dcgm:6000", { kind: "tcp", address: "dcgm:6000" }],
  ["/run/dcgm.sock", { kind: "socket", address: "/run/dcgm.sock" }],
  ["unix:///run/dcgm.sock", { kind: "socket", address: "/run/dcgm.sock" }],
  ["embedded", { kind: "embedded" }],
])("the address %s is one host engine, and has to be there", (address, target) => {
  const found = findDcgm(hostWith(three).env, address);
  expect(found).toMatchObject({ targets: [target], mayBeAbsent: false });
});
