/** Runs one job in a child process of its own, which is killed when it takes too long, says too much or isn't needed any more. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Env } from "../../core/kit/env.ts";
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import type {
  CompactAnswer,
  CompactJob,
  FeatureQueryAnswer,
  FeatureQueryJob,
  FeaturesAnswer,
  FeaturesJob,
  Job,
  QueryAnswer,
  QueryJob,
  Reply,
  RollUpJob,
} from "./job.ts";

export interface JobRunner {
  /** A folder of the job's own, on history's file system; gone when the job's promise settles and `keep` wasn't called. */
  compact(job: Omit<CompactJob, "scratch">, take: Take<CompactAnswer>): Promise<void>;
  rollUp(job: Omit<RollUpJob, "scratch">, take: Take<CompactAnswer>): Promise<void>;
  features(job: Omit<FeaturesJob, "scratch">, take: Take<FeaturesAnswer>): Promise<void>;
  query(job: Omit<QueryJob, "scratch">): Promise<QueryAnswer>;
  queryFeatures(job: Omit<FeatureQueryJob, "scratch">): Promise<FeatureQueryAnswer>;
  /** Kills what runs. */
  close(): Promise<void>;
}

/** Makes use of what the job left in its scratch folder, which goes when this has settled. */
type Take<Answer> = (answer: Answer, scratch: string) => Promise<void>;

export interface JobRunnerOptions {
  readonly env: Env;
  readonly folder: string;
  readonly compactMilliseconds?: number;
  readonly queryMilliseconds?: number;
}

/** Of each kind of job by itself. */
type WithoutScratch<One extends Job> = One extends Job ? Omit<One, "scratch"> : never;

export const scratchName = ".scratch";
const defaultCompactMilliseconds = 600_000;
const defaultQueryMilliseconds = 10_000;
const maximumReplyBytes = 64 * 1024 * 1024;
const maximumComplaintBytes = 4096;
/** JavaScript's own part of the child's memory; typed arrays and DuckDB's have bounds of their own. */
const heapMebibytes = 512;

export function createJobRunner(options: JobRunnerOptions): JobRunner {
  const { env, folder } = options;
  const program = findProgram();
  const running = new Map<() => void, Promise<unknown>>();

  async function inScratch<Result>(work: (scratch: string) => Promise<Result>): Promise<Result> {
    const scratch = join(folder, scratchName, env.randomId());
    mkdirSync(scratch, { recursive: true, mode: 0o700 });
    try {
      return await work(scratch);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  function run<Answer>(job: Job, milliseconds: number): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const child = env.spawn(process.execPath, [`--max-old-space-size=${heapMebibytes}`, program], {
      stdio: ["pipe", "pipe", "pipe"],
      env: {},
    });
    const parts: Buffer[] = [];
    let bytes = 0;
    let complaint = "";
    let reason = "";
    const kill = (why: string): void => {
      reason ||= why;
      child.kill("SIGKILL");
    };
    const timer = env.clock.after(milliseconds, () => kill(`took over ${milliseconds / 1000} s`));
    const stop = (): void => kill("was stopped");
    running.set(stop, promise);
    child.stdout?.on("data", (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > maximumReplyBytes) kill("said too much");
    });
    child.stderr?.on("data", (part: Buffer) => {
      if (complaint.length < maximumComplaintBytes) complaint += part.toString();
    });
    // Without a reader the pipe fails; the child's end says why.
    child.stdin?.on("error", () => undefined);
    child.stdin?.write(`${JSON.stringify(job)}\n`);
    child.on("error", (cause) =>
      reject(failed(`can't be started: ${describeError(cause)}`, cause)),
    );
    child.on("close", (code, signal) => {
      timer.cancel();
      running.delete(stop);
      try {
        resolve(readReply(Buffer.concat(parts), reason) as Answer);
      } catch (thrown) {
        const how = signal === null ? `ended with ${code}` : `was killed by ${signal}`;
        const last = complaint.trim().split("\n").at(-1) ?? "";
        if (thrown instanceof WarpwatchError) reject(thrown);
        else reject(failed(`${reason || how}${last === "" ? "" : ` (${last})`}`));
      }
    });
    return promise;
  }

  type Written = CompactJob | RollUpJob | FeaturesJob;

  function write<Answer>(job: WithoutScratch<Written>, take: Take<Answer>): Promise<void> {
    return inScratch(async (scratch) => {
      const limit = options.compactMilliseconds ?? defaultCompactMilliseconds;
      await take(await run<Answer>({ ...job, scratch }, limit), scratch);
    });
  }

  function ask<Answer>(job: WithoutScratch<QueryJob | FeatureQueryJob>): Promise<Answer> {
    const limit = options.queryMilliseconds ?? defaultQueryMilliseconds;
    return inScratch((scratch) => run<Answer>({ ...job, scratch }, limit));
  }

  return {
    compact: (job, take) => write(job, take),
    rollUp: (job, take) => write(job, take),
    features: (job, take) => write(job, take),
    query: (job) => ask(job),
    queryFeatures: (job) => ask(job),
    async close() {
      const pending = [...running.values()];
      for (const stop of running.keys()) stop();
      await Promise.allSettled(pending);
    },
  };
}

function readReply(bytes: Buffer, reason: string): unknown {
  if (reason !== "") throw new Error(reason);
  const reply = JSON.parse(bytes.toString("utf8")) as Reply;
  if ("answer" in reply) return reply.answer;
  throw failed(`could not do its work: ${reply.error}`);
}

function failed(how: string, cause?: unknown): WarpwatchError {
  return new WarpwatchError("HISTORY_FAILED", `history's child process ${how}`, { cause });
}

/** The program lies beside this file in a checkout, and beside the bundle in what ships. */
function findProgram(): string {
  const places = ["./duckdb-program.ts", "./duckdb-program.js"];
  const found = places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((file) => existsSync(file));
  if (found === undefined) throw failed("is missing from this installation");
  return found;
}
