/** The collector board's part about OTLP: what jobs send to the collector, and what it and its agents send on. */
import * as collector from "../core/catalog/collector.ts";
import * as self from "../core/catalog/self.ts";
import { lines, type Row } from "./board.ts";
import { gain, trend } from "./plot.ts";

const otlp: Row = {
  title: "OTLP, in and out",
  panels: [
    trend(
      "OTLP requests",
      "Requests a second of training jobs, servers and whoever else sends OTLP, by outcome.",
      [collector.otlpRequests],
      { still: true },
    ),
    trend(
      "OTLP data points",
      "Data points a second that were taken, or were not taken whole, by reason.",
      [
        { metric: collector.otlpPoints, words: "taken" },
        { metric: collector.otlpRefused, words: "refused" },
      ],
      { still: true },
    ),
    trend("OTLP series", "Series that came by OTLP within the last hour.", [collector.otlpSeries], {
      still: true,
    }),
    trend(
      "Requests to OTLP receivers",
      "Requests a second of collector and agents by receiver and outcome. Retries alone mean that the receiver is down or too slow.",
      [self.otlpExportRequests],
      { still: true },
    ),
    trend(
      "Data points that OTLP receivers took",
      "Data points a second that each receiver accepted.",
      [self.otlpExportPoints],
      { still: true },
    ),
    trend(
      "Waiting for OTLP receivers",
      "Size of what waits in memory for each receiver; it is bounded.",
      [self.otlpExportQueueBytes],
      { still: true },
    ),
    lines(
      "Lost to OTLP receivers, in the time shown",
      "short",
      "Data points that a receiver will never get, by reason. History has those that are the collector's.",
      [gain({ metric: self.otlpExportDropped })],
      { width: 24, critical: 1, still: true },
    ),
  ],
};

export const otlpRows: readonly Row[] = [otlp];
