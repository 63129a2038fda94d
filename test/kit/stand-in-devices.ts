/** The C library's ioctl(2) and poll(2) played by a compiled stand-in: a device is a text file that says how it behaves. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasProgram } from "./programs.ts";
import { makeFolder } from "./folder.ts";
import { repositoryRoot } from "./sources.ts";

export const canCompile = hasProgram("cc");

/** Compiles the stand-in; the library goes away with the test. */
export function compileStandIn(): string {
  const library = join(makeFolder(), "stand-in.so");
  const source = join(repositoryRoot, "test/kit/stand-in-devices.c");
  const { status, stderr } = spawnSync("cc", ["-shared", "-fPIC", "-o", library, source]);
  if (status !== 0) throw new Error(`cc: ${stderr.toString("utf8")}`);
  return library;
}

/** Writes a device of the host under `root`, or makes it behave otherwise. */
export function writeDevice(root: string, name: string, script: string): void {
  mkdirSync(join(root, "dev"), { recursive: true });
  writeFileSync(join(root, "dev", name), script);
}
