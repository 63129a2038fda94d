/** The clock's offset and its reference, asked of chronyd over UDP on loopback as `chronyc tracking` does. */
import { createSocket, type Socket } from "node:dgram";
import {
  chronyErrorBound,
  chronyFrequency,
  chronyLastOffset,
  chronyLeapStatus,
  chronyOffset,
  chronyReferenceInfo,
  chronyReferenceTime,
  chronyResidualFrequency,
  chronyRmsOffset,
  chronyRootDelay,
  chronyRootDispersion,
  chronySkew,
  chronySources,
  chronyStratum,
  chronyUpdateInterval,
} from "../../../core/catalog/chrony.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { systemCode, WarpwatchError } from "../../../core/kit/errors.ts";
import { absent, type Reader, type Source } from "../source.ts";
import {
  bodyOf,
  decodeTracking,
  makeRequest,
  sourceCountCommand,
  trackingCommand,
  type Tracking,
} from "./chrony-protocol.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";

const answerMilliseconds = 1000;
/** In the order of the protocol's numbers. */
const leapStates = ["normal", "insert", "delete", "unsynchronised"] as const;

interface Report {
  readonly tracking: Tracking;
  readonly sources: number;
}

export interface ChronyAddress {
  readonly address: string;
  readonly port: number;
}

export const chronySource: Source = createChronySource({ address: "127.0.0.1", port: 323 });

export function createChronySource(daemon: ChronyAddress): Source {
  return {
    name: "chrony",
    metrics: [
      chronyOffset,
      chronyErrorBound,
      chronyLastOffset,
      chronyRmsOffset,
      chronyFrequency,
      chronyResidualFrequency,
      chronySkew,
      chronyRootDelay,
      chronyRootDispersion,
      chronyUpdateInterval,
      chronyStratum,
      chronyLeapStatus,
      chronyReferenceInfo,
      chronyReferenceTime,
      chronySources,
    ],
    sampling: "steady",
    async open({ env }, signal) {
      const conversation = await connect(daemon, env.clock);
      try {
        return createReader(conversation, await askReport(conversation, signal));
      } catch (thrown) {
        conversation.close();
        if (systemCode(thrown) !== "ECONNREFUSED") throw thrown;
        return absent(`no chronyd listens on ${daemon.address}:${daemon.port}`);
      }
    },
  };
}

function createReader(conversation: Conversation, first: Report): Reader {
  let latest = first;
  const samples = createSampleReader(
    (add) => addReport(add, latest),
    () => conversation.close(),
  );
  return {
    ...samples,
    async read(column, signal) {
      latest = await askReport(conversation, signal);
      return samples.read(column, signal);
    },
  };
}

async function askReport(conversation: Conversation, signal: AbortSignal): Promise<Report> {
  const tracking = decodeTracking(await conversation.ask(trackingCommand, signal));
  const count = await conversation.ask(sourceCountCommand, signal);
  return { tracking, sources: count.readUInt32BE(0) };
}

function addReport(add: AddSample, { tracking, sources }: Report): void {
  add(chronyOffset, {}, tracking.currentCorrection);
  add(chronyErrorBound, {}, errorBoundOf(tracking));
  add(chronyLastOffset, {}, tracking.lastOffset);
  add(chronyRmsOffset, {}, tracking.rmsOffset);
  add(chronyFrequency, {}, tracking.frequencyMillionths / 1e6);
  add(chronyResidualFrequency, {}, tracking.residualFrequencyMillionths / 1e6);
  add(chronySkew, {}, tracking.skewMillionths / 1e6);
  add(chronyRootDelay, {}, tracking.rootDelay);
  add(chronyRootDispersion, {}, tracking.rootDispersion);
  add(chronyUpdateInterval, {}, tracking.updateInterval);
  add(chronyStratum, {}, tracking.stratum);
  leapStates.forEach((state, number) =>
    add(chronyLeapStatus, { state }, tracking.leap === number ? 1 : 0),
  );
  const id = tracking.referenceId.toString(16).toUpperCase().padStart(8, "0");
  add(chronyReferenceInfo, { id, address: tracking.address }, 1);
  // Never updated is no time at all rather than 1970.
  add(chronyReferenceTime, {}, tracking.referenceTime === 0 ? Number.NaN : tracking.referenceTime);
  add(chronySources, {}, sources);
}

/** As chronyc's manual page has it; of a clock that follows nothing there is no telling. */
function errorBoundOf({ leap, currentCorrection, rootDelay, rootDispersion }: Tracking): number {
  if (leapStates[leap] === "unsynchronised") return Number.NaN;
  return Math.abs(currentCorrection) + rootDispersion + rootDelay / 2;
}

interface Conversation {
  /** The body of the answer. Throws SOURCE_MALFORMED, SOURCE_TIMEOUT or what the system says, ECONNREFUSED among it. */
  ask(command: number, signal: AbortSignal): Promise<Buffer>;
  close(): void;
}

async function connect(daemon: ChronyAddress, clock: Clock): Promise<Conversation> {
  const socket = createSocket(daemon.address.includes(":") ? "udp6" : "udp4");
  socket.unref();
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(daemon.port, daemon.address, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  // A refusal that nobody waits for any more.
  socket.on("error", () => {});
  let sequence = 0;
  let closed = false;
  return {
    ask(command, signal) {
      sequence = (sequence + 1) >>> 0;
      return exchange(socket, command, sequence, clock, signal);
    },
    close() {
      if (!closed) socket.close();
      closed = true;
    },
  };
}

function exchange(
  socket: Socket,
  command: number,
  sequence: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const late = (): void =>
    reject(
      new WarpwatchError(
        "SOURCE_TIMEOUT",
        `chronyd gave no answer within ${answerMilliseconds} ms`,
      ),
    );
  const take = (packet: Buffer): void => {
    try {
      const body = bodyOf(packet, command, sequence);
      if (body) resolve(body);
    } catch (thrown) {
      reject(thrown);
    }
  };
  const timer = clock.after(answerMilliseconds, late);
  socket.on("message", take);
  socket.on("error", reject);
  signal.addEventListener("abort", late, { once: true });
  if (signal.aborted) late();
  else
    socket.send(makeRequest(command, sequence), (error) => {
      if (error) reject(error);
    });
  return promise.finally(() => {
    timer.cancel();
    socket.off("message", take);
    socket.off("error", reject);
    signal.removeEventListener("abort", late);
  });
}
