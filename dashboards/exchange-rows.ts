/** The collector board's part about what is sent to the collector without its asking, and what it sends on to other stores. */
import { age, value } from "../alerts/expression.ts";
import * as collector from "../core/catalog/collector.ts";
import { lines, one, type Row } from "./board.ts";
import { gain, legendOf, trend } from "./plot.ts";

const receiving: Row = {
  title: "What is pushed to it",
  panels: [
    trend(
      "Agents' pushes",
      "Requests a second with frames or events of agents, by outcome.",
      [collector.pushRequests],
      { still: true },
    ),
    trend(
      "Agents that push",
      "Agents whose list of series the collector holds for their frames.",
      [collector.pushSessions],
      { still: true },
    ),
    trend(
      "Late frames",
      "Frames a second that were made while the collector was away: they go to history and to detectors, and page nobody.",
      [collector.framesLate],
      { still: true },
    ),
    trend(
      "Remote-write requests",
      "Requests a second by outcome: ok, partial, or why nothing of them was kept.",
      [collector.remoteWriteRequests],
      { still: true },
    ),
    trend(
      "Remote-write samples",
      "Samples a second that were taken, came again and changed nothing, or were refused, by reason.",
      [
        { metric: collector.remoteWriteSamples, words: "taken" },
        { metric: collector.remoteWriteRepeated, words: "repeated" },
        { metric: collector.remoteWriteRefused, words: "refused" },
      ],
      { still: true },
    ),
    trend(
      "Remote-write series",
      "Series that came by remote-write within the last hour.",
      [collector.remoteWriteSeries],
      { still: true },
    ),
  ],
};

const sending: Row = {
  title: "What it sends to other stores",
  panels: [
    trend(
      "Requests to stores",
      "Requests a second by store and outcome. Retries alone mean that the store is down or too slow.",
      [collector.remoteStoreRequests],
      { width: 6 },
    ),
    trend(
      "Samples that stores took",
      "Samples a second that each store accepted.",
      [collector.remoteStoreSamplesSent],
      { width: 6 },
    ),
    lines(
      "Time since a store took samples",
      "s",
      "Since each store last accepted samples; what it has not got waits on disk.",
      one(age(value(collector.remoteStoreAccepted)), legendOf(collector.remoteStoreAccepted)),
      { width: 6, warning: 60 },
    ),
    trend(
      "Waiting for stores",
      "Size of what waits on disk for each store; it is bounded, and what is over the bound is lost to the store.",
      [collector.remoteStoreBufferBytes],
      { width: 6 },
    ),
    lines(
      "Lost to stores, in the time shown",
      "short",
      "Samples that a store will never get, by reason. The collector's own history has them.",
      [gain({ metric: collector.remoteStoreSamplesDropped })],
      { width: 24, critical: 1 },
    ),
  ],
};

export const exchangeRows: readonly Row[] = [receiving, sending];
