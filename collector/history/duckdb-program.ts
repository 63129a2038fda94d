/** The child process: does one job with DuckDB under a memory limit, and ends. Its job comes in on stdin, its reply goes to stdout. */
import { setPriority } from "node:os";
import { describeError } from "../../core/kit/errors.ts";
import { compact } from "./duckdb-compact.ts";
import { makeFeatures } from "./duckdb-features.ts";
import { queryFeatures } from "./duckdb-feature-query.ts";
import { query } from "./duckdb-query.ts";
import { rollUp } from "./duckdb-roll-up.ts";
import type { Answer, Job } from "./job.ts";

const lowPriority = 10;

let text = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (part: string) => {
  text += part;
  if (text.endsWith("\n")) void run(text);
});
// The collector keeps the pipe open while it lives; without it nobody waits for this.
process.stdin.on("end", () => process.exit(1));

async function run(line: string): Promise<void> {
  let reply: string;
  try {
    const job = JSON.parse(line) as Job;
    // A person waits for a query only.
    if (!["query", "feature-query"].includes(job.kind)) setPriority(lowPriority);
    reply = JSON.stringify({ answer: await work(job) });
  } catch (thrown) {
    reply = JSON.stringify({ error: describeError(thrown) });
  }
  process.stdout.write(reply, () => process.exit(0));
}

function work(job: Job): Promise<Answer> {
  if (job.kind === "compact") return compact(job);
  if (job.kind === "roll-up") return rollUp(job);
  if (job.kind === "features") return makeFeatures(job);
  return job.kind === "query" ? query(job) : queryFeatures(job);
}
