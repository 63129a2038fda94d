/** The board about the agents themselves: is what they say complete, fresh and cheap. */
import { age, aggregate, increase, rate, value } from "../alerts/expression.ts";
import { probeHangs } from "../alerts/agent.ts";
import { kernelLogLost } from "../alerts/kernel-log.ts";
import * as kernelLog from "../core/catalog/kernel-log.ts";
import * as self from "../core/catalog/self.ts";
import { figure, lines, one, quantile, table, timeline, type Board, type Row } from "./board.ts";
import { gain, trend, window } from "./plot.ts";

const perNode = "{{instance}}";
const perSource = "{{instance}} {{source}}";

const sources: Row = {
  title: "Sources",
  panels: [
    timeline(
      "Sources",
      "A source that is down exists on the node and could not be read: nothing it measures is known.",
      { 0: { text: "down", color: "red" }, 1: { text: "up", color: "green" } },
      one(value(self.sourceUp), perSource),
      { needsFault: { kind: "driver_hang" } },
    ),
    lines(
      "Failed reads",
      "cps",
      "Rounds a second that could not be opened, threw or did not answer in time.",
      one(rate(value(self.sourceFailures), window), perSource),
      { width: 12, needsFault: { kind: "driver_hang" } },
    ),
    lines(
      "Time per read",
      "s",
      "How long the last read of each source took.",
      one(value(self.sourceDuration), perSource),
    ),
    lines(
      "Reads that hang",
      "s",
      "For how long the present read has been without an answer: a driver or a mount that hangs shows here first.",
      one(value(self.sourceInFlight), perSource),
      { warning: 5, critical: 45, needsFault: { kind: "driver_hang" } },
    ),
    lines(
      "Age of the last good read",
      "s",
      "Time since each source was last read with success.",
      one(age(value(self.sourceLastRead)), perSource),
    ),
    table(
      "States and reasons",
      "Why each source is up, absent or down, in its own words.",
      self.sourceInfo,
      ["source", "state", "reason"],
    ),
  ],
};

const probes: Row = {
  title: "Calls that may hang, and the kernel log",
  panels: [
    trend(
      "Calls in flight",
      "For how long a call to one device or mount has been without an answer; only of those over a second. It names what hangs.",
      [self.probeInFlight],
      { rules: [probeHangs] },
    ),
    lines(
      "Child processes left and started, in the time shown",
      "short",
      "Children that were left to themselves because a call held them, and those started anew. A child left is never killed: that could hang the GPU.",
      [
        gain({ metric: self.probeAbandoned, words: "left" }),
        gain({ metric: self.probeRestarts, words: "started anew" }),
      ],
      { still: true, warning: 1 },
    ),
    lines(
      "Kernel log missed and folded, in the time shown",
      "short",
      "Records that were written over before they were read, and faults that were counted but not reported one by one.",
      [
        gain({ metric: kernelLog.kernelLostRecords, words: "lost" }),
        gain({ metric: kernelLog.kernelRepeatedEvents, words: "repeated" }),
      ],
      { rules: [kernelLogLost] },
    ),
  ],
};

const pushing: Row = {
  title: "What is pushed to the collector",
  panels: [
    trend(
      "Frames acknowledged and requests failed",
      "Frames a second that are on the collector's disk, and requests that it refused or didn't answer.",
      [
        { metric: self.pushAcknowledged, words: "acknowledged" },
        { metric: self.pushFailures, words: "failed" },
      ],
    ),
    trend(
      "How far behind",
      "For how long the oldest frame has waited to be acknowledged.",
      [self.pushBehind],
      { warning: 5 },
    ),
    trend(
      "Waiting frames and events",
      "Frames on the agent's disk, and events, that the collector hasn't got yet: an outage, or one that is being made good.",
      [
        { metric: self.pushSpooledFrames, words: "frames" },
        { metric: self.pushWaitingEvents, words: "events" },
      ],
    ),
    trend(
      "Disk taken by waiting frames",
      "Size of the spool; it is bounded.",
      [self.pushSpoolBytes],
      { width: 12 },
    ),
    lines(
      "Lost on the way, in the time shown",
      "short",
      "Frames, by reason, and events that will never reach the collector.",
      [
        gain({ metric: self.pushDroppedFrames, words: "frames" }),
        gain({ metric: self.pushDroppedEvents, words: "events" }),
      ],
      { width: 12, critical: 1 },
    ),
  ],
};

const output: Row = {
  title: "What goes out",
  panels: [
    figure(
      "Agents",
      "short",
      "Agents that answered the last scrape.",
      one(aggregate("count", ["job"], value(self.agentInfo)), ""),
      { still: true },
    ),
    figure(
      "Oldest frame",
      "s",
      "Age of the newest samples when the page was rendered; the highest of all agents.",
      one(aggregate("max", ["job"], value(self.agentFrameAge)), ""),
      { warning: 3 },
    ),
    figure(
      "Series",
      "short",
      "Series that all sources have registered.",
      one(aggregate("sum", ["job"], value(self.sourceSeries)), ""),
      { still: true },
    ),
    figure(
      "Series left out",
      "short",
      "Over a source's bound, registered twice, or with a name the format doesn't know.",
      one(
        {
          op: "+",
          left: aggregate("sum", ["job"], value(self.sourceRefusedSeries)),
          right: aggregate("sum", ["job"], value(self.agentUnexposedSeries)),
        },
        "",
      ),
      { still: true, warning: 1 },
    ),
    figure(
      "Changes of the series list",
      "short",
      "How often the lists of series changed since the agents started; one that rises all the time comes from labels that change.",
      one(aggregate("sum", ["job"], value(self.agentSchemaVersion)), ""),
      { still: true },
    ),
    figure(
      "Frames not delivered",
      "short",
      "Frames that a receiver within the process did not take, in the time shown.",
      [
        {
          expression: aggregate(
            "sum",
            ["job"],
            increase(value(self.agentFailedDeliveries), window),
          ),
          legend: "",
          over: "range",
        },
      ],
      { still: true, warning: 1 },
    ),
    lines(
      "Events",
      "cps",
      "Events a second that sources reported, and those that were pushed out before every receiver had them.",
      [
        { expression: rate(value(self.agentEvents), window), legend: `${perNode} reported` },
        { expression: rate(value(self.agentDroppedEvents), window), legend: `${perNode} dropped` },
      ],
      { needsFault: { kind: "xid", code: 79 } },
    ),
    lines(
      "HTTP requests",
      "reqps",
      "Answers by route and status; refused ones are calls without a token or by a wrong name.",
      one(
        aggregate("sum", ["instance", "route", "code"], rate(value(self.httpRequests), window)),
        `${perNode} {{route}} {{code}}`,
      ),
    ),
    lines(
      "Time per HTTP answer",
      "s",
      "99th percentile by route, and connections closed at once because there were too many.",
      one(quantile(self.httpRequestDuration, 0.99, ["instance", "route"]), `${perNode} {{route}}`),
    ),
  ],
};

const cost: Row = {
  title: "What it costs",
  panels: [
    lines(
      "Processor time",
      "percentunit",
      "Share of one processor that the process uses.",
      one(rate(value(self.processCpuSeconds), window), perNode),
    ),
    lines(
      "Memory",
      "bytes",
      "Memory of the process that is in RAM.",
      one(value(self.processResidentMemory), perNode),
    ),
    lines(
      "Connections refused for their number",
      "cps",
      "Connections a second that were closed at once because there were too many.",
      one(rate(value(self.httpDroppedConnections), window), perNode),
      { still: true },
    ),
    table("Versions", "Which version runs on which node.", self.agentInfo, ["node", "version"]),
  ],
};

export const agentBoard: Board = {
  uid: "warpwatch-agent",
  title: "Warpwatch / Agents",
  description: "Whether what the agents say is complete and fresh, and what it costs.",
  instancesOf: self.sourceUp,
  rows: [sources, probes, output, pushing, cost],
};
