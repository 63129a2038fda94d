/** Faults from the kernel's log, /dev/kmsg: as events the moment they are logged, and as counters that start at zero. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as catalog from "../../../core/catalog/kernel-log.ts";
import { describeXid, quarantiningXids } from "../../../core/catalog/xid.ts";
import { every } from "../../../core/kit/clock.ts";
import { describeError } from "../../../core/kit/errors.ts";
import { createXidMetrics, xidMetrics, type XidMetrics } from "../gpu/xid-metrics.ts";
import { absent, type Reader, type Source, type SourceContext } from "../source.ts";
import { createBursts, type Burst } from "./bursts.ts";
import type { Finding } from "./finding.ts";
import { createKernelTotals, type KernelTotals } from "./kernel-totals.ts";
import { findFault } from "./find-fault.ts";
import { openKernelLog, type KernelLogFile } from "./log-file.ts";
import { openPosition, type LogPosition } from "./position.ts";
import type { KernelRecord } from "./record.ts";

/** Events are promised within a second; looking costs one system call. */
const lookMilliseconds = 200;
/** A storm beyond this waits for the next look, or for the kernel to write over it, which is counted. */
const maximumRecordsPerLook = 1000;
const keepPositionMilliseconds = 10_000;

interface Session {
  readonly context: SourceContext;
  readonly file: KernelLogFile;
  readonly position: LogPosition;
  readonly totals: KernelTotals;
  readonly xids: XidMetrics;
  readonly bursts: ReturnType<typeof createBursts>;
  /** The agent's start: what was logged before is history unless the position says that it was never read. */
  readonly startedMilliseconds: number;
  /** Taken from the log, and not looked at yet because what dates them can't be read. */
  readonly pending: KernelRecord[];
  /** Everything logged before this was taken; -Infinity before the first look. */
  seenUntilMilliseconds: number;
  sequence: number;
  changed: boolean;
  failure: unknown;
}

export function createKernelLogSource(): Source {
  // These outlive a reader, as counters from zero must.
  const totals = createKernelTotals();
  const xids = createXidMetrics();
  const bursts = createBursts();
  let startedMilliseconds = Number.NaN;
  return {
    name: "kernel_log",
    sampling: "fast",
    metrics: [
      catalog.kernelEvents,
      catalog.kernelLastEvent,
      catalog.kernelLostRecords,
      catalog.kernelRepeatedEvents,
      ...xidMetrics,
    ],
    open(context) {
      const { env } = context;
      const path = join(env.paths.rootfs, "dev/kmsg");
      if (!existsSync(path))
        return absent(
          `${path} isn't there: in a container it has to be mounted, see docs/kernel-log.md`,
        );
      const file = openOrAbsent(path);
      if (typeof file === "string") return absent(file);
      if (Number.isNaN(startedMilliseconds)) startedMilliseconds = env.clock.now();
      const position = openPosition(context.stateFolder, env.paths.procfs);
      const session: Session = {
        context,
        file,
        position,
        totals,
        xids,
        bursts,
        startedMilliseconds,
        sequence: position.sequence,
        pending: [],
        seenUntilMilliseconds: -Infinity,
        changed: false,
        failure: undefined,
      };
      return createReader(session);
    },
  };
}

/** Why it may not be read is the same on every machine: the log tells of everything, so the kernel guards it. */
function openOrAbsent(path: string): KernelLogFile | string {
  try {
    return openKernelLog(path);
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : "";
    if (code === "EPERM" || code === "EACCES")
      return `${path} may not be read: it needs CAP_SYSLOG or kernel.dmesg_restrict=0, and in a container a privileged one`;
    throw thrown;
  }
}

function createReader(session: Session): Reader {
  const { context, file, totals, xids } = session;
  const { clock } = context.env;
  let directoryRevision = -1;
  look(session);
  const looking = every(clock, lookMilliseconds, () => look(session));
  const keeping = every(clock, keepPositionMilliseconds, () => keepPosition(session));
  return {
    register(slots) {
      directoryRevision = context.gpus.revision;
      session.changed = false;
      totals.register(slots, context.host);
      xids.register(slots, context.gpus.gpus, context.host.place);
    },
    read(column) {
      look(session);
      if (session.failure !== undefined) throw session.failure;
      if (session.changed || directoryRevision !== context.gpus.revision) return "changed";
      totals.write(column, { lost: file.lost, repeated: session.bursts.repeated });
      xids.write(column);
      return undefined;
    },
    close() {
      looking.cancel();
      keeping.cancel();
      keepPosition(session);
      file.close();
    },
  };
}

/** Takes what is new. What fails is kept for the next read: that is where a source says it is down. */
function look(session: Session): void {
  try {
    const { pending } = session;
    pending.push(...session.file.take(maximumRecordsPerLook - pending.length));
    const now = session.context.env.clock.now();
    if (pending.length > 0) {
      const all = pending.length < maximumRecordsPerLook;
      const bootMilliseconds = now - readUptimeMilliseconds(session);
      for (const record of pending.splice(0)) take(session, record, bootMilliseconds, now);
      if (!all) return;
    }
    session.seenUntilMilliseconds = now;
    for (const burst of session.bursts.ended(now)) reportBurst(session, burst);
    session.failure = undefined;
  } catch (thrown) {
    session.failure = thrown;
  }
}

function take(session: Session, record: KernelRecord, boot: number, now: number): void {
  const { context, position } = session;
  const stamp = boot + record.sinceBootMicroseconds / 1000;
  // The stamps' clock stands still while a machine is suspended; what came since the last look is no older than it.
  const time = Math.min(now, Math.max(stamp, session.seenUntilMilliseconds));
  const isNew =
    position.sequence >= 0
      ? record.sequence > session.sequence
      : time >= session.startedMilliseconds;
  session.sequence = Math.max(session.sequence, record.sequence);
  const finding = findFault(record.text);
  if (!finding) return;
  const gpu = context.gpus.find(finding.gpuAddress);
  if (finding.xid > 0 && gpu) {
    const changed = isNew
      ? session.xids.note(gpu.uuid, finding.xid, time)
      : session.xids.recall(gpu.uuid, finding.xid, time);
    session.changed ||= changed;
    if (isNew && quarantiningXids.has(finding.xid))
      context.gpus.quarantine(
        gpu.uuid,
        `XID ${finding.xid}: ${describeXid(finding.xid).description}`,
      );
  }
  session.totals.note(finding, time, isNew);
  if (isNew && session.bursts.note(finding, record.text, time))
    report(session, finding, record.text, time, {});
}

function report(
  { context }: Session,
  finding: Finding,
  text: string,
  timeMilliseconds: number,
  more: Readonly<Record<string, string>>,
): void {
  const { kind, severity, fields, gpuAddress } = finding;
  const device = context.gpus.find(gpuAddress)?.uuid ?? "";
  context.events.report({
    timeMilliseconds,
    kind,
    device,
    text,
    fields: { severity, ...fields, ...more },
  });
}

function reportBurst(session: Session, { finding, text, ...burst }: Burst): void {
  const { count, firstMilliseconds, lastMilliseconds } = burst;
  const seconds = Math.round((lastMilliseconds - firstMilliseconds) / 1000);
  report(session, finding, `${count} times in ${seconds} s: ${text}`, lastMilliseconds, {
    count: String(count),
    first: new Date(firstMilliseconds).toISOString(),
  });
}

function keepPosition({ position, sequence, context }: Session): void {
  try {
    position.keep(sequence);
  } catch (thrown) {
    context.log.warn("the position in the kernel log can't be kept", {
      reason: describeError(thrown),
    });
  }
}

/** The kernel's stamps count from boot. Throws where there is no uptime to take them by. */
function readUptimeMilliseconds({ context }: Session): number {
  const path = join(context.env.paths.procfs, "uptime");
  const seconds = Number.parseFloat(readFileSync(path, "utf8"));
  if (!Number.isFinite(seconds)) throw new RangeError(`${path} doesn't begin with a number`);
  return seconds * 1000;
}
