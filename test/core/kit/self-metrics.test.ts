/** The collector's own metrics, which prom-client keeps. */
import { createSelfMetrics } from "../../../core/kit/self-metrics.ts";
import { describeSelfMetrics } from "../../suites/self-metrics-suite.ts";

describeSelfMetrics("the process's own metrics", {
  create: createSelfMetrics,
  processMetrics: [
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "nodejs_eventloop_lag_p99_seconds",
    "nodejs_heap_size_used_bytes",
  ],
});
