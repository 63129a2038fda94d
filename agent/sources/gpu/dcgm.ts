/**
 * NVIDIA's GPUs, NVSwitches and processors through DCGM: what a host engine tells and no other source serves, health watches
 * above all, and profiling on chips before Hopper. Everything where NVML can't be loaded.
 */
import { gpuHealth, switchHealth } from "../../../core/catalog/dcgm.ts";
import { entityGroups } from "../../probes/dcgm/layouts.ts";
import type { ReadingSet, WatchAnswer } from "../../probes/dcgm/messages.ts";
import { info } from "../../../core/catalog/gpu.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import { absent, type Source, type SourceContext } from "../source.ts";
import { choose, defaultFields, knownMetrics, type Choice } from "./dcgm-choice.ts";
import { createFieldsFile, type FieldsFile, type KeptFieldsFile } from "./dcgm-fields-file.ts";
import { findDcgm, type DcgmPlaces } from "./dcgm-places.ts";
import { createDcgmReader, type DcgmReading } from "./dcgm-reader.ts";
import { createDcgmSession, identityFields, type DcgmSession } from "./dcgm-session.ts";
import { neutralTwinOf } from "./neutral-twins.ts";
import type { ServedSeries } from "./served-series.ts";
import type { Better } from "./stand-by.ts";

export interface DcgmSources extends Better {
  readonly sources: readonly Source[];
}

export interface DcgmFlags {
  /** `host:port`, the path of a socket, `embedded`, `none`; empty: where host engines usually are. */
  readonly address: string;
  /** A file of fields; empty: those that the catalogue has. */
  readonly collectorsFile: string;
}

const servedMetrics: readonly Metric[] = [
  info,
  ...new Set(knownMetrics.flatMap((metric) => [metric, neutralTwinOf(metric)?.metric ?? metric])),
];
const fileAgeMilliseconds = 5000;

/** `nvml` is asked first: what it serves isn't asked of DCGM. */
export function createDcgmSources(
  flags: DcgmFlags,
  served: ServedSeries,
  nvml: Better,
): DcgmSources {
  let shared: Shared | null = null;
  let trying: Promise<unknown> = Promise.resolve();

  async function openShared(context: SourceContext, set: ReadingSet): Promise<Shared | string> {
    await nvml.tried();
    const places = findDcgm(context.env, flags.address);
    if (typeof places === "string") return places;
    shared ??= createShared(context, flags, places, served);
    shared.refreshChoice();
    const { session } = shared;
    const missing = await session.open();
    // What there is to register is known after the first round.
    if (missing === null) await session.round(set);
    return missing ?? shared;
  }

  function sourceOf(name: string, set: ReadingSet): Source {
    const metrics = servedMetrics.filter(({ sampling }) => sampling === set);
    const isFast = set === "fast";
    return {
      name,
      sampling: set,
      metrics: isFast ? metrics : [...metrics, gpuHealth, switchHealth],
      async open(context) {
        const opening = openShared(context, set);
        trying = opening.catch(() => undefined);
        const opened = await opening;
        return typeof opened === "string"
          ? absent(opened)
          : createDcgmReader(context, opened, served, set);
      },
      ...(isFast ? { release: async () => (await shared?.session.release()) ?? false } : {}),
    };
  }

  return {
    sources: [sourceOf("dcgm", "fast"), sourceOf("dcgm_details", "steady")],
    async tried() {
      await trying;
    },
    whyNotNeeded: () =>
      shared && servesGpus(shared.session)
        ? "DCGM is read instead: it tells more and costs less"
        : null,
  };
}

/** While a host engine answers. */
function servesGpus({ entities, columns }: DcgmSession): boolean {
  const hasValues = columns.fast.length + columns.steady.length > 0;
  return hasValues && entities.some(({ group }) => group === entityGroups.gpu);
}

interface Shared extends DcgmReading {
  readonly refreshChoice: () => void;
}

function createShared(
  context: SourceContext,
  { collectorsFile }: DcgmFlags,
  places: DcgmPlaces,
  served: ServedSeries,
): Shared {
  const { clock } = context.env;
  const file = collectorsFile === "" ? null : createFieldsFile(collectorsFile);
  let choice = choose(file ? [] : defaultFields());
  let taken: FieldsFile | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;
  const told = new Set<string>();

  function tell(sentences: readonly string[]): void {
    for (const text of sentences) if (!told.has(text)) context.log.warn(text, { source: "dcgm" });
    told.clear();
    for (const text of sentences) told.add(text);
  }

  /** The file's fields again where it was written anew; its faulty lines are told once each time. */
  function refreshChoice(): void {
    if (!file || (taken && clock.monotonic() - lookedAt < fileAgeMilliseconds)) return;
    const now = readFields(file, context);
    lookedAt = clock.monotonic();
    if (now === taken) return;
    taken = now;
    choice = choose(now.fields);
    for (const problem of now.problems) context.log.warn(problem, { source: "dcgm" });
  }

  function numbersOf(set: ReadingSet): number[] {
    const fields = choice.values.filter((field) => choice.setOf(field) === set);
    return fields.filter(({ name }) => !isServed(name)).map(({ id }) => id);
  }

  /** Of every GPU there is: then asking a host engine for it is of no use. */
  function isServed(name: string): boolean {
    const { gpus } = context.gpus;
    return gpus.length > 0 && gpus.every(({ uuid }) => served.has(name, uuid, ""));
  }

  const session = createDcgmSession(context, {
    ...places,
    wanted() {
      refreshChoice();
      return {
        fast: numbersOf("fast"),
        steady: numbersOf("steady"),
        facts: [...Object.values(identityFields), ...choice.labels.map(({ id }) => id)],
      };
    },
    refused: (answer) => tell([...answer.refusals, ...faultsIn(answer, choice, collectorsFile)]),
  });
  return { session, choice: () => choice, refreshChoice };
}

function readFields(file: KeptFieldsFile, { log }: SourceContext): FieldsFile {
  const before = file.failure;
  const now = file.read();
  if (file.failure !== null && file.failure !== before)
    log.error(`${file.failure}; the fields it held are read on`, { source: "dcgm" });
  return now;
}

/** A newer DCGM's fields aren't known to an older library, and not every field is a number. */
function faultsIn(answer: WatchAnswer, { values, labels }: Choice, file: string): string[] {
  return [...values, ...labels].flatMap(({ id, name, kind, line }) => {
    if (line === 0) return [];
    const where = `${file}, line ${line}:`;
    if (answer.unknown.includes(id)) return [`${where} this libdcgm has no field ${name}`];
    return kind !== "label" && answer.notNumbers.includes(id)
      ? [`${where} ${name} is no number; a text can be a label`]
      : [];
  });
}
