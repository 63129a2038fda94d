/** The node's BMC over /dev/ipmi0: temperatures, fans, power supplies, power draw, chassis and event log, through the `slow-kernel` probe. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as ipmi from "../../../core/catalog/ipmi.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import type { IpmiQuestion, IpmiRequest } from "../../probes/ipmi.ts";
import { absent, type Source, type SourceContext } from "../source.ts";
import {
  chassisSamples,
  eventLogSamples,
  identitySamples,
  isWanted,
  sensorSamples,
  systemPowerSamples,
} from "./ipmi-answers.ts";
import type { Sensor } from "./ipmi-records.ts";
import { questions, revisionOf, walkRepository, type Bmc } from "./ipmi-repository.ts";
import { openSweepReader, sample, type SweptSample } from "./sweep-reader.ts";

/** A BMC takes 5 to 50 ms for an answer and has other work to do. */
const periodMilliseconds = 30_000;
const maximumSensors = 256;
/** Messages that go to the probe together, and how long they may take. */
const batchSize = 8;
const batchMilliseconds = 20_000;
const deviceName = "ipmi0";

export const ipmiSource: Source = createIpmiSource();

/** `library` has ioctl(2) and poll(2) in the probe: the C library, or another in tests. */
export function createIpmiSource(library: string | null = null): Source {
  return {
    name: "ipmi",
    metrics: Object.values(ipmi),
    sampling: "slow-kernel",
    open(context, signal) {
      const path = join(context.env.paths.rootfs, "dev", deviceName);
      if (!existsSync(path))
        return absent(
          `there is no ${path}: no BMC, or the ipmi_si and ipmi_devintf drivers aren't loaded`,
        );
      const ask = createSweep(createBmc(context, { path, library }));
      return openSweepReader(
        {
          clock: context.env.clock,
          log: context.log,
          periodMilliseconds,
          list: () => [{ name: deviceName, part: context.host, ask }],
          tellOutcome: (add, _name, { answeredAt }) => add(ipmi.bmcReadTime, {}, answeredAt / 1000),
        },
        signal,
      );
    },
  };
}

function createBmc(
  { probes }: SourceContext,
  { path, library }: Omit<IpmiQuestion, "requests">,
): Bmc {
  return {
    async ask(requests) {
      const answers: (Uint8Array | null)[] = [];
      for (let begin = 0; begin < requests.length; begin += batchSize) {
        const question: IpmiQuestion = {
          path,
          library,
          requests: requests.slice(begin, begin + batchSize),
        };
        const found = await probes.slowKernel.ask("ipmi", deviceName, question, batchMilliseconds);
        answers.push(...(found as Uint8Array[]).map(withoutCompletionCode));
      }
      return answers;
    },
  };
}

/** 0 is success. */
function withoutCompletionCode(answer: Uint8Array): Uint8Array | null {
  return answer[0] === 0 ? answer.subarray(1) : null;
}

interface Inventory {
  readonly revision: string;
  readonly identity: readonly SweptSample[];
  readonly sensors: readonly Sensor[];
  readonly leftOut: number;
}

/** Asks everything once. The records are read anew only when the repository has changed. */
function createSweep(bmc: Bmc): () => Promise<SweptSample[]> {
  let inventory: Inventory | null = null;
  const general: readonly IpmiRequest[] = [
    questions.repository,
    questions.chassis,
    questions.eventLog,
    questions.systemPower,
  ];
  return async () => {
    const [repository, chassis, eventLog, systemPower] = await bmc.ask(general);
    const revision = revisionOf(repository ?? null);
    if (inventory?.revision !== revision) inventory = await takeInventory(bmc, revision);
    const { identity, sensors, leftOut } = inventory;
    const readings = await bmc.ask(sensors.map(questions.reading));
    const told = sensors.map((sensor, index) =>
      samplesOf(readings[index], (answer) => sensorSamples(sensor, answer)),
    );
    const silent = told.filter((samples) => samples.length === 0).length;
    return [
      ...identity,
      ...samplesOf(chassis, chassisSamples),
      ...samplesOf(eventLog, eventLogSamples),
      ...samplesOf(systemPower, systemPowerSamples),
      ...told.flat(),
      sample(ipmi.bmcSensors, { state: "read" }, sensors.length - silent),
      sample(ipmi.bmcSensors, { state: "silent" }, silent),
      sample(ipmi.bmcSensors, { state: "left_out" }, leftOut),
    ];
  };
}

function samplesOf(
  answer: Uint8Array | null | undefined,
  decode: (answer: Uint8Array) => SweptSample[],
): SweptSample[] {
  return answer ? decode(answer) : [];
}

async function takeInventory(bmc: Bmc, revision: string): Promise<Inventory> {
  const [identity] = await bmc.ask([questions.identity]);
  if (!identity) throw new WarpwatchError("SOURCE_MALFORMED", "the BMC doesn't say what it is");
  const all = await walkRepository(bmc);
  const wanted = new Map<string, Sensor>();
  for (const sensor of all) {
    const key = `${sensor.lun}.${sensor.number}`;
    if (wanted.size < maximumSensors && isWanted(sensor) && !wanted.has(key))
      wanted.set(key, sensor);
  }
  return {
    revision,
    identity: identitySamples(identity),
    sensors: [...wanted.values()],
    leftOut: all.length - wanted.size,
  };
}
