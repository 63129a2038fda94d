/** The health of SATA and SAS drives through smartctl of smartmontools 7, once an hour; a drive that sleeps is left asleep. */
import { realpathSync } from "node:fs";
import { basename, join } from "node:path";
import * as health from "../../../core/catalog/drive-health.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import { absent, type Source, type SourceContext } from "../source.ts";
import { partOf } from "./device.ts";
import { tellDriveOutcome } from "./drive-outcome.ts";
import { listAt, textAt } from "./printed.ts";
import { healthSamples, sleepingSamples } from "./smartctl-health.ts";
import { createSmartctl, type Smartctl, type SmartctlAnswer } from "./smartctl-program.ts";
import { openSweepReader, type SweptDevice, type SweptSample } from "./sweep-reader.ts";
import { namesIn, textOf } from "./system-folder.ts";

const periodMilliseconds = 3_600_000;
const maximumDrives = 256;
/** Asked for as the exit code of a drive that sleeps; no other outcome has it. */
const sleepingCode = 3;
/** The command line was wrong, or the drive couldn't be opened; the other bits are about the drive. */
const failureBits = 0b11;

export const smartctlSource: Source = {
  name: "smartctl",
  metrics: [
    health.driveHealthInfo,
    health.driveReadable,
    health.driveReadTime,
    health.driveAsleep,
    health.driveFailing,
    health.driveTemperature,
    health.drivePowerOn,
    health.drivePowerCycles,
    health.driveSectors,
    health.driveCommandTimeouts,
    health.driveLinkErrors,
    health.driveUnsafeShutdowns,
    health.driveErrorLogEntries,
    health.driveEnduranceUsed,
    health.driveRead,
    health.driveWritten,
    health.driveMediaErrors,
  ],
  sampling: "slow-kernel",
  async open(context, signal) {
    const { sysfs } = context.env.paths;
    const folder = join(sysfs, "block");
    if (!namesIn(folder, /^sd[a-z]+$/).some((name) => !isOnUsb(sysfs, name)))
      return absent(`no SATA or SAS drive is in ${folder}`);
    const smartctl = createSmartctl(context.env);
    const first = await scan(smartctl);
    if (first === null)
      return absent("there are drives for smartctl, but smartmontools isn't installed");
    if (first.length === 0) return absent("smartctl finds no SATA or SAS drive");
    return openSweepReader(
      {
        clock: context.env.clock,
        log: context.log,
        periodMilliseconds,
        list: async () => drivesOf((await scan(smartctl)) ?? [], context, smartctl),
        tellOutcome: tellDriveOutcome,
      },
      signal,
    );
  },
};

interface Scanned {
  readonly path: string;
  /** How it is spoken to: `sat`, `megaraid,4`. */
  readonly type: string;
}

/** Null where smartctl isn't installed. */
async function scan(smartctl: Smartctl): Promise<Scanned[] | null> {
  const answer = await smartctl.run("the scan for drives", ["--scan"]);
  if (answer === null) return null;
  refuseFailure(answer, "the scan for drives");
  return listAt(answer.printed, "devices")
    .map((device) => ({
      path: textAt(device, "name"),
      type: textAt(device, "type"),
      protocol: textAt(device, "protocol"),
    }))
    .filter(
      ({ path, type, protocol }) =>
        // A word that begins with a dash would be read as an option.
        protocol !== "NVMe" && /^\/dev\/[\w./-]+$/.test(path) && /^\w[\w,/+:.-]*$/.test(type),
    )
    .slice(0, maximumDrives);
}

function drivesOf(
  scanned: readonly Scanned[],
  { env, host }: SourceContext,
  smartctl: Smartctl,
): SweptDevice[] {
  const { sysfs } = env.paths;
  const attached = scanned.filter((drive) => !isOnUsb(sysfs, nameOf(drive)));
  return attached.map((drive) => {
    const name = nameOf(drive);
    const type = typeOf(drive, textOf(join(sysfs, "block", name, "device/vendor")));
    return {
      name,
      part: partOf(host, "drive", name),
      ask: () => askDrive(smartctl, name, { ...drive, type }),
    };
  });
}

/** Sticks, and what a BMC pretends to have plugged in: they have no health to tell. */
function isOnUsb(sysfs: string, name: string): boolean {
  try {
    return /\/usb\d+\//.test(realpathSync(join(sysfs, "block", name)));
  } catch {
    // Behind a RAID controller: the kernel doesn't see it.
    return false;
  }
}

/** A scan opens no drive, so that it takes those of both kinds for SCSI; trying which it is could wake one up. */
function typeOf({ type }: Scanned, vendor: string): string {
  if (type !== "scsi") return type;
  return vendor === "ATA" ? "sat" : "auto";
}

/** Drives behind a RAID controller share its path and differ by type. */
function nameOf({ path, type }: Scanned): string {
  return type.includes(",") ? `${path.replace(/^\/dev\//, "")}:${type}` : basename(path);
}

async function askDrive(
  smartctl: Smartctl,
  name: string,
  { path, type }: Scanned,
): Promise<SweptSample[]> {
  const answer = await smartctl.run(name, [
    `--nocheck=standby,${sleepingCode}`,
    "--info",
    "--health",
    "--attributes",
    "--log=error",
    "--log=devstat",
    `--device=${type}`,
    path,
  ]);
  if (answer === null)
    throw new WarpwatchError("PROGRAM_FAILED", "smartctl is no longer installed");
  if (answer.code === sleepingCode) return sleepingSamples(name);
  refuseFailure(answer, name);
  return healthSamples(name, answer.printed);
}

function refuseFailure({ code, printed }: SmartctlAnswer, key: string): void {
  if ((code & failureBits) === 0) return;
  const said = textAt(printed, "smartctl", "messages", 0, "string") || `exit code ${code}`;
  throw new WarpwatchError("PROGRAM_FAILED", `smartctl can't ask ${key}: ${said}`);
}
