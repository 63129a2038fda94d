/** The health of NVMe drives: each controller on the PCI bus tells its SMART log page through the `slow-kernel` probe. */
import { join } from "node:path";
import * as health from "../../../core/catalog/drive-health.ts";
import type { NvmeSmartQuestion } from "../../probes/nvme-smart.ts";
import { absent, type Source, type SourceContext } from "../source.ts";
import { partOf } from "./device.ts";
import { tellDriveOutcome } from "./drive-outcome.ts";
import { decodeSmartPage } from "./nvme-smart-page.ts";
import { openSweepReader, sample, type SweptDevice } from "./sweep-reader.ts";
import { namesIn, textOf } from "./system-folder.ts";

const periodMilliseconds = 60_000;
const answerMilliseconds = 5000;

export const nvmeSmartSource: Source = createNvmeSmartSource();

/** `library` has ioctl(2) in the probe: the C library, or another in tests. */
export function createNvmeSmartSource(library: string | null = null): Source {
  return {
    name: "nvme_smart",
    metrics: [
      health.driveHealthInfo,
      health.driveReadable,
      health.driveReadTime,
      health.driveFailing,
      health.driveWarning,
      health.driveTemperature,
      health.driveSpare,
      health.driveSpareThreshold,
      health.driveEnduranceUsed,
      health.driveRead,
      health.driveWritten,
      health.driveBusy,
      health.drivePowerCycles,
      health.drivePowerOn,
      health.driveUnsafeShutdowns,
      health.driveMediaErrors,
      health.driveErrorLogEntries,
      health.driveTooHot,
      health.driveThrottled,
    ],
    sampling: "slow-kernel",
    open(context, signal) {
      const { clock, paths } = context.env;
      const folder = join(paths.sysfs, "class/nvme");
      const list = (): SweptDevice[] =>
        controllersIn(folder).map((name) => deviceOf(context, folder, name, library));
      if (list().length === 0) return absent(`no NVMe drive on the PCI bus is under ${folder}`);
      return openSweepReader(
        {
          clock,
          log: context.log,
          periodMilliseconds,
          list,
          tellOutcome: tellDriveOutcome,
        },
        signal,
      );
    },
  };
}

/** Those at the other end of a network tell of an array that isn't this node's. */
function controllersIn(folder: string): readonly string[] {
  return namesIn(folder, /^nvme\d+$/).filter((name) =>
    /^(pcie)?$/.test(textOf(join(folder, name, "transport"))),
  );
}

function deviceOf(
  { env, host, probes }: SourceContext,
  folder: string,
  name: string,
  library: string | null,
): SweptDevice {
  const fact = (file: string): string => textOf(join(folder, name, file));
  const model = fact("model");
  const labels = {
    device: name,
    model,
    serial: fact("serial"),
    firmware: fact("firmware_rev"),
    interface: "nvme",
  };
  const question: NvmeSmartQuestion = { path: join(env.paths.rootfs, "dev", name), library };
  return {
    name,
    part: partOf(host, "drive", name, model),
    async ask() {
      const page = await probes.slowKernel.ask("nvme-smart", name, question, answerMilliseconds);
      return [
        sample(health.driveHealthInfo, labels, 1),
        ...decodeSmartPage(page as Uint8Array, name),
      ];
    },
  };
}
