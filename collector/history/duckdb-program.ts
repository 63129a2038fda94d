/** The child process: does one job with DuckDB under a memory limit, and ends. Its job comes in on stdin, its reply goes to stdout. */
import { setPriority } from "node:os";
import { describeError } from "../../core/kit/errors.ts";
import { compact } from "./duckdb-compact.ts";
import { query } from "./duckdb-query.ts";
import type { Job } from "./job.ts";

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
    if (job.kind === "compact") setPriority(lowPriority);
    const answer = job.kind === "compact" ? await compact(job) : await query(job);
    reply = JSON.stringify({ answer });
  } catch (thrown) {
    reply = JSON.stringify({ error: describeError(thrown) });
  }
  process.stdout.write(reply, () => process.exit(0));
}
