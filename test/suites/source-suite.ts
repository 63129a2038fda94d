/** What every source must do, whatever it reads: the contract in agent/sources/source.ts as tests. */
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { familyName, type Metric, type MetricFamily } from "../../core/catalog/metric.ts";
import { createSeriesList, type SeriesList } from "../../core/wire/slots.ts";
import type { Absent, Reader, Source, SourceContext } from "../../agent/sources/source.ts";

export interface SourceSubject {
  /** A new source for each test, or the one there is. */
  makeSource(): Source;
  /** A context in which the source is up. */
  makeContext(): SourceContext;
  /** A context on a machine that has none of it, where there can be one. */
  readonly makeBareContext?: () => SourceContext;
}

const maximumSeries = 100_000;
const answerMilliseconds = 5000;
const betweenReadingsMilliseconds = 1000;

export function describeSource(name: string, subject: SourceSubject): void {
  describe(`source ${name}`, () => {
    test("has a lower-case name and metrics of its own sampling class only", () => {
      const source = subject.makeSource();
      expect(source.name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(source.metrics.length).toBeGreaterThan(0);
      for (const metric of source.metrics)
        expect([nameOf(metric), metric.sampling]).toEqual([nameOf(metric), source.sampling]);
    });

    test("registers declared metrics only, before its first read, and none twice", async () => {
      await using opened = await open(subject);
      const list = register(opened.reader);
      expect(list.series.length).toBeGreaterThan(0);
      expect(list.refused).toBe(0);
      for (const { metric, values } of list.series) {
        expect(opened.source.metrics.some((declared) => covers(declared, metric))).toBe(true);
        expect(values.every((value) => typeof value === "string")).toBe(true);
      }
    });

    test("registers the same series again while its devices stay the same", async () => {
      await using opened = await open(subject);
      const first = register(opened.reader).series.map(identity);
      expect(register(opened.reader).series.map(identity)).toEqual(first);
    });

    test("writes numbers into its slots and nothing infinite", async () => {
      await using opened = await open(subject);
      const present = await readPresent(opened.reader);
      expect(present.length).toBeGreaterThan(0);
      expect(present.every((value) => Number.isFinite(value))).toBe(true);
    });

    test("can be read again and again, and keeps its series while nothing came or went", async () => {
      await using opened = await open(subject);
      // On a machine that is alive things come and go, but not between every two readings.
      let kept = false;
      for (let attempt = 0; attempt < 5 && !kept; attempt += 1) {
        const column = (await readSettled(opened.reader)).fill(Number.NaN);
        const result = await opened.reader.read(column, new AbortController().signal);
        kept = result !== "changed";
      }
      expect(kept).toBe(true);
    });

    test("gives up soon when the signal has aborted", async () => {
      await using opened = await open(subject);
      const column = new Float64Array(register(opened.reader).series.length);
      const controller = new AbortController();
      controller.abort();
      await expect(settles(() => opened.reader.read(column, controller.signal))).resolves.toBe(
        true,
      );
    });

    test("can be closed twice", async () => {
      const opened = await open(subject);
      opened.reader.close();
      expect(() => opened.reader.close()).not.toThrow();
    });

    const { makeBareContext } = subject;
    if (!makeBareContext) return;
    test("says absent, with a reason, where there is none", async () => {
      const source = subject.makeSource();
      const result = await source.open(makeBareContext(), new AbortController().signal);
      if (!("absent" in result)) result.close();
      expect(result).toHaveProperty("absent", expect.stringMatching(/\S/));
    });
  });
}

interface Opened extends AsyncDisposable {
  readonly source: Source;
  readonly reader: Reader;
}

async function open(subject: SourceSubject): Promise<Opened> {
  const source = subject.makeSource();
  const result: Reader | Absent = await source.open(
    subject.makeContext(),
    new AbortController().signal,
  );
  if ("absent" in result) throw new Error(`${source.name} is absent: ${result.absent}`);
  return {
    source,
    reader: result,
    [Symbol.asyncDispose]: async () => result.close(),
  };
}

function register(reader: Reader): SeriesList {
  const list = createSeriesList(maximumSeries);
  reader.register(list);
  return list;
}

/** Reads as the sampler does: registers first, and once more when the devices changed. */
async function readSettled(reader: Reader): Promise<Float64Array> {
  const { signal } = new AbortController();
  for (let round = 0; round < 2; round += 1) {
    const column = new Float64Array(register(reader).series.length).fill(Number.NaN);
    if ((await reader.read(column, signal)) !== "changed") return column;
  }
  throw new Error("says that its devices changed with every read");
}

/** What a source makes of two readings is there after the second. */
async function readPresent(reader: Reader): Promise<number[]> {
  const numbersIn = (column: Float64Array): number[] =>
    [...column].filter((value) => !Number.isNaN(value));
  const present = numbersIn(await readSettled(reader));
  if (present.length > 0) return present;
  await wait(betweenReadingsMilliseconds);
  return numbersIn(await readSettled(reader));
}

/** Whether it returns, resolves or rejects within the time a stuck one would not. */
async function settles(read: () => unknown): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), answerMilliseconds);
  });
  const answered = (async () => read())().then(
    () => true,
    () => true,
  );
  const settled = await Promise.race([answered, deadline]);
  clearTimeout(timer);
  return settled;
}

function covers(declared: Metric | MetricFamily, metric: Metric): boolean {
  if ("name" in declared)
    return (
      declared === metric || (declared.kind === "histogram" && familyName(metric) === declared.name)
    );
  const [before = "", after = ""] = declared.pattern.split("{key}");
  return metric.name.startsWith(before) && metric.name.includes(after);
}

function nameOf(entry: Metric | MetricFamily): string {
  return "name" in entry ? entry.name : entry.pattern;
}

function identity(series: { readonly metric: Metric; readonly values: readonly string[] }): string {
  return `${series.metric.name}{${series.values.join(",")}}`;
}
