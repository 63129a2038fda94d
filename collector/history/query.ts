/** Range and instant queries over the journal, decoded here in small slices, and the Parquet files, read in a child process. */
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { history } from "../../core/catalog/index.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { createBuckets, reachOf, type Buckets } from "./buckets.ts";
import { createFrameReader, decodeChain, loadBodies, loadChain } from "./chain-reader.ts";
import type { JobRunner } from "./child.ts";
import { openSnapshot } from "./database.ts";
import { listParquetFiles } from "./files.ts";
import type { Journal } from "./journal.ts";
import { matchingSlots, type Matcher } from "./matcher.ts";
import type { RangeQuery } from "./request.ts";
import type { CheckFiles } from "./soundness.ts";
import { createSteps, type QueriedSeries, type SampleAdder, type StepLimits } from "./steps.ts";
import { createTurns } from "./turns.ts";

export interface QueryOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly metrics: SelfMetrics;
  readonly journal: Journal;
  readonly jobs: JobRunner;
  readonly log: Log;
  readonly checkFiles: CheckFiles;
  readonly memoryMebibytes: number;
  readonly limits?: Partial<StepLimits>;
  readonly timeoutMilliseconds?: number;
}

/** Throws LIMIT_REACHED when the query is too large, takes too long or there are too many; HISTORY_FAILED. */
export type RunQuery = (query: RangeQuery) => Promise<QueriedSeries[]>;

interface ChosenChain {
  readonly chain: number;
  /** The rows that the snapshot has of it; undefined where they are in the database. */
  readonly places: readonly number[] | undefined;
}

const defaultLimits: StepLimits = { series: 5000, cells: 500_000 };
const defaultTimeoutMilliseconds = 10_000;
const maximumRunning = 2;
const maximumWaiting = 16;
/** How long the journal may be decoded before other work gets its turn. */
const sliceMilliseconds = 8;

export function createQuery(options: QueryOptions): RunQuery {
  const { clock } = options;
  const outcomes = options.metrics.counter(history.queries);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const outcome of ["success", "refused", "failure"]) outcomes.increase({ outcome }, 0);
  const seconds = options.metrics.histogram(history.querySeconds);
  /** Chains that were told of. */
  const damaged = new Set<number>();
  const limits = { ...defaultLimits, ...options.limits };
  const timeout = options.timeoutMilliseconds ?? defaultTimeoutMilliseconds;
  const takeTurn = createTurns(maximumRunning, maximumWaiting);

  async function run(query: RangeQuery, deadline: number): Promise<QueriedSeries[]> {
    const { aggregate = "last" } = query;
    const steps =
      aggregate === "last"
        ? newestOf(query, limits)
        : createBuckets(query.range, aggregate, limits);
    const checkTime = (): void => {
      if (clock.monotonic() > deadline)
        throw new WarpwatchError(
          "LIMIT_REACHED",
          `the query took over ${timeout / 1000} s: ask for a shorter range or more labels`,
        );
    };
    checkTime();
    options.journal.flush();
    const sqlite = openSnapshot(options.folder);
    // The same instant as the snapshot's: what is compacted from here on is still in it.
    const chains = chainsIn(query);
    try {
      await readFiles(sqlite, query, steps, checkTime);
      await readJournal(sqlite, query.matcher, chains, steps, checkTime);
    } finally {
      sqlite.close();
    }
    checkTime();
    return steps.series();
  }

  function chainsIn(query: RangeQuery): ChosenChain[] {
    const { after, until } = spanOf(query);
    return Array.from(options.journal.index.all())
      .filter(([, { newest, oldest }]) => newest > after && oldest <= until)
      .map(([chain, { places }]) => ({ chain, places: places?.slice() }));
  }

  async function readFiles(
    sqlite: DatabaseSync,
    { matcher, range, aggregate = "last" }: RangeQuery,
    steps: Buckets,
    checkTime: () => void,
  ): Promise<void> {
    const { after, until } = spanOf({ range, aggregate });
    const files = listParquetFiles(sqlite).filter(
      ({ firstTime, lastTime }) => lastTime > after && firstTime <= until,
    );
    if (files.length === 0) return;
    await options.checkFiles(files, checkTime);
    const { series } = await options.jobs.query({
      kind: "query",
      files: files.map(({ file }) => join(options.folder, file)),
      hasRolledUp: files.some(({ resolutionMilliseconds }) => resolutionMilliseconds > 0),
      matcher,
      range,
      aggregate,
      rows: limits.cells,
      memoryMebibytes: options.memoryMebibytes,
    });
    for (const stored of series) steps.addStored(matcher.metric, stored);
  }

  async function readJournal(
    sqlite: DatabaseSync,
    matcher: Matcher,
    chains: readonly ChosenChain[],
    steps: Pick<Buckets, "adder">,
    checkTime: () => void,
  ): Promise<void> {
    const withoutMatch = new Set<number>();
    let sliceEnd = clock.monotonic() + sliceMilliseconds;
    const rest = async (): Promise<void> => {
      if (clock.monotonic() < sliceEnd) return;
      checkTime();
      await new Promise((resolve) => setImmediate(resolve));
      sliceEnd = clock.monotonic() + sliceMilliseconds;
    };
    for (const chosen of chains) {
      const { chain } = chosen;
      await rest();
      try {
        await readChain(sqlite, chosen, matcher, withoutMatch, steps, rest);
      } catch (thrown) {
        if (!(thrown instanceof WarpwatchError) || thrown.code !== "FRAME_MALFORMED") throw thrown;
        // What was read of it before is sound. The frames are counted as lost when they should be compacted.
        if (!damaged.has(chain)) options.log.error(`a query leaves frames out: ${thrown.message}`);
        damaged.add(chain);
      }
    }
  }

  return async (query) => {
    const began = clock.monotonic();
    try {
      const series = await takeTurn(() => run(query, began + timeout));
      outcomes.increase({ outcome: "success" });
      return series;
    } catch (thrown) {
      const refused = thrown instanceof WarpwatchError && thrown.code === "LIMIT_REACHED";
      outcomes.increase({ outcome: refused ? "refused" : "failure" });
      if (thrown instanceof WarpwatchError) throw thrown;
      throw new WarpwatchError("HISTORY_FAILED", describeError(thrown), { cause: thrown });
    } finally {
      seconds.observe({}, (clock.monotonic() - began) / 1000);
    }
  };
}

/** Unix milliseconds: samples after the first and up to the second can count. */
function spanOf(query: Pick<RangeQuery, "range" | "aggregate">): { after: number; until: number } {
  const { start, step, points } = query.range;
  return {
    after: (start - reachOf(query.aggregate ?? "last", step)) / 1000,
    until: (start + (points - 1) * step) / 1000,
  };
}

/** Schemas that were found to hold nothing of what is asked for are not decoded again. */
async function readChain(
  sqlite: DatabaseSync,
  { chain, places }: ChosenChain,
  matcher: Matcher,
  withoutMatch: Set<number>,
  steps: Pick<Buckets, "adder">,
  rest: () => Promise<void>,
): Promise<void> {
  const stored = loadChain(sqlite, chain);
  if (!stored || withoutMatch.has(stored.schema)) return;
  const adders: SampleAdder[] = [];
  const read = createFrameReader(stored.repeated, (schema) => {
    const names = matchingSlots(schema, matcher);
    for (const [slot, name] of names) adders[slot] = steps.adder(name);
    return [...names.keys()];
  });
  for (const frame of decodeChain(stored.schemaBody, loadBodies(sqlite, chain, places))) {
    read(frame, (slot, time, value, ended) => adders[slot]?.(time, value, ended));
    if (adders.length === 0) {
      withoutMatch.add(stored.schema);
      return;
    }
    await rest();
  }
}

/** The newest sample of each step. */
function newestOf({ range }: RangeQuery, limits: StepLimits): Buckets {
  const steps = createSteps(range, limits);
  return {
    ...steps,
    addStored(metric, { labels, node, times, values }) {
      const add = steps.adder({ metric, labels, node });
      times.forEach((time, index) => {
        const value = values[index] ?? null;
        add(time, Number(value), value === null);
      });
    },
  };
}
