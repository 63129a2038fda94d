/** The NVIDIA GPUs on the bus, their driver, and whether it answers nvidia-smi. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Env } from "../../core/kit/env.ts";
import { singleLine, systemCode } from "../../core/kit/errors.ts";
import { fail, ok, unknown, warn, type Check } from "./check.ts";

const nvidia = "0x10de";
/** Display controllers: VGA and 3D. A GPU's audio function and bridges are of other classes. */
const displayClass = /^0x03/;
const answerMilliseconds = 10_000;

export const gpuCheck: Check = {
  name: "GPUs",
  meaning: "without a driver that answers nothing of a GPU can be measured",
  async run({ env, paths }) {
    const onBus = countGpus(join(paths.sysfs, "bus/pci/devices"));
    const driver = driverVersion(join(paths.procfs, "driver/nvidia/version"));
    if (onBus === 0 && driver === null) return ok("no NVIDIA GPU is in this machine");
    const gpus = `${onBus} NVIDIA GPU${onBus === 1 ? " is" : "s are"} on the bus`;
    if (driver === null)
      return fail(
        `${gpus}, and the driver isn't loaded`,
        "install the driver, or see dmesg for why it didn't load",
      );
    const answer = await askNvidiaSmi(env);
    if (answer.names === null && answer.isMissing)
      return unknown(
        `${gpus}, driver ${driver}, and nvidia-smi isn't installed: whether they answer can't be seen`,
        "nothing where the agent reads them through NVML, which see under GPU sources",
      );
    if (answer.names === null)
      return fail(
        `${gpus}, driver ${driver}, and nvidia-smi ${answer.reason}`,
        "run nvidia-smi by hand as this user; a hang or ERR! means reset or reboot",
      );
    const listed = answer.names.length;
    const models = [...new Set(answer.names)].join(", ");
    return listed < onBus
      ? warn(
          `${gpus}, and nvidia-smi lists ${listed} (driver ${driver})`,
          "one may have left the bus: look for XID 79 in the kernel's log",
        )
      : ok(`${listed} × ${models}, driver ${driver}`);
  },
};

function countGpus(folder: string): number {
  let count = 0;
  for (const device of listFolder(folder)) {
    const isNvidia = readLine(join(folder, device, "vendor")) === nvidia;
    if (isNvidia && displayClass.test(readLine(join(folder, device, "class")))) count += 1;
  }
  return count;
}

function driverVersion(file: string): string | null {
  const line = readLine(file);
  return line === "" ? null : (/\d+\.\d+(?:\.\d+)?/.exec(line)?.[0] ?? "unknown");
}

interface Answer {
  /** Null when it didn't answer well. */
  readonly names: readonly string[] | null;
  readonly isMissing: boolean;
  readonly reason: string;
}

async function askNvidiaSmi(env: Env): Promise<Answer> {
  const failed = (reason: string, isMissing = false): Answer => ({
    names: null,
    reason,
    isMissing,
  });
  const child = env.spawn("nvidia-smi", ["--query-gpu=name", "--format=csv,noheader"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { stdout, stderr } = child;
  if (!stdout || !stderr) return failed("can't be started");
  return new Promise((resolve) => {
    const timer = env.clock.after(answerMilliseconds, () => {
      // A driver that hangs holds it beyond any signal: it is left behind, not waited for.
      child.unref();
      child.kill("SIGTERM");
      stdout.destroy();
      stderr.destroy();
      resolve(failed(`doesn't answer within ${answerMilliseconds / 1000} s`));
    });
    const finish = (answer: Answer): void => {
      timer.cancel();
      resolve(answer);
    };
    child.once("error", (thrown) =>
      finish(failed("can't be started", systemCode(thrown) === "ENOENT")),
    );
    const ended = new Promise<number | null>((done) => child.once("close", done));
    Promise.all([text(stdout), text(stderr), ended]).then(
      ([output, errors, code]) => {
        const said = singleLine(errors || output).slice(0, 200);
        const names = output
          .split("\n")
          .flatMap((line) => (line.trim() === "" ? [] : [singleLine(line)]));
        finish(
          code === 0
            ? { names, reason: "", isMissing: false }
            : failed(`fails: ${said || `exit code ${code}`}`),
        );
      },
      () => finish(failed("broke off")),
    );
  });
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readLine(file: string): string {
  try {
    return readFileSync(file, "utf8").split("\n", 1)[0]?.trim() ?? "";
  } catch {
    return "";
  }
}
