#!/usr/bin/env node
// The one binary: finds a Node.js that can run Warpwatch, then hands over to the program in this process or a child.
// Plain JavaScript for Node 18 and later, because it is what an older Node on the machine meets first.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module, { createRequire } from "node:module";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const neededMajor = 24;
const passedOn = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "cli", "main.ts");
const bundle = join(root, "dist", "warpwatch.js");
const program = existsSync(source) ? source : bundle;

if (!existsSync(program)) {
  fail(`there is nothing to run: ${bundle} is missing; build it with "npm run build"`);
} else if (Number(process.versions.node.split(".")[0]) >= neededMajor) {
  if (program === source) keepCompiled();
  const main = await load();
  if (main !== null) await main(process.argv.slice(2));
} else {
  const node = findNode();
  if (node === null)
    fail(
      `Warpwatch needs Node.js ${neededMajor} or later and this is ${process.version}: ` +
        `install it, or run "npm ci" (without --omit=optional) on Linux x64 or arm64, which brings one along`,
    );
  else handOver(node);
}

/**
 * What a checkout compiled is kept for the next start, of this process's children as well: TypeScript that needn't be stripped
 * again starts in half the time and takes 28 MB less. What ships is JavaScript; there it would cost a megabyte.
 */
function keepCompiled() {
  const folder = join(root, "node_modules", ".cache", "warpwatch");
  module.enableCompileCache?.(folder);
  process.env.NODE_COMPILE_CACHE ??= folder;
}

/** The program, or null when a part of it is missing: most often a checkout without its packages. */
async function load() {
  try {
    return (await import(pathToFileURL(program).href)).main;
  } catch (thrown) {
    const reason = String(thrown?.message ?? thrown).split("\n")[0];
    fail(
      thrown?.code === "ERR_MODULE_NOT_FOUND"
        ? `a part is missing: run "npm ci" in ${root} (${reason})`
        : `the program can't be loaded (${reason})`,
    );
    return null;
  }
}

/** The Node.js that npm installed as an optional dependency, wherever npm put it. */
function findNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(
      `node-${process.platform}-${process.arch}/package.json`,
    );
    const node = join(manifest, "..", "bin", "node");
    return existsSync(node) ? node : null;
  } catch {
    return null;
  }
}

/** Runs the program under the other Node.js as if it were this process: its streams, signals and exit code are ours. */
function handOver(node) {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of passedOn) process.on(signal, () => child.kill(signal));
  child.on("error", (cause) => fail(`${node} can't be started (${cause.code ?? cause.message})`));
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
  });
}

function fail(sentence) {
  process.stderr.write(`warpwatch: ${sentence}\n`);
  process.exitCode = 1;
}
