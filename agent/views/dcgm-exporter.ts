/** What dcgm-exporter would serve: the `DCGM_*` families, in the one format it has, and the health page its probes ask for. */
import type { View } from "./view.ts";

export function createDcgmExporterView(): View {
  return {
    name: "dcgm-exporter",
    // It knows no other format, whatever is asked for: under OpenMetrics its counters would lose their type.
    contentType: "text/plain; charset=utf-8",
    answers: new Map([
      // Says that the server runs, as there: a restart mends no GPU, so a GPU that fails mustn't cause one.
      ["/health", { status: 200, body: "OK\n" }],
    ]),
    select: () => ({
      key: "",
      accepts: ({ metric }) => metric.name.startsWith("DCGM_"),
      own: () => Promise.resolve(""),
    }),
  };
}
