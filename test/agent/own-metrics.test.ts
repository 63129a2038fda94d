/** The agent's own metrics, which it keeps as lines. */
import { createOwnMetrics } from "../../agent/own-metrics.ts";
import { describeSelfMetrics } from "../suites/self-metrics-suite.ts";

describeSelfMetrics("the agent's own metrics", {
  create: createOwnMetrics,
  processMetrics: [
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
    "nodejs_heap_size_used_bytes",
  ],
});
