/** Rules about what an agent waits for: they tell of the node's drivers and mounts, not of the agent. */
import { self } from "../core/catalog/index.ts";
import { compare, increase, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

export const probeHangs = defineRule({
  name: "ProbeHangs",
  condition: compare(value(self.probeInFlight), ">", 30),
  severity: "warning",
  component: "agent",
  summary: "{{ key }} on {{ node }} has not answered for {{ value | duration }}",
  description:
    "A call to this device or mount does not come back. Whatever else on the node touches it hangs as well and can't be killed.",
  ended: { stillReported: self.probeRestarts, on: ["probe"] },
  source:
    "Six times the five seconds that a mount is given; the kernel's own hung-task warning comes after 120 s. Our choice: no healthy driver or server takes half a minute.",
});

export const sourceDown = defineRule({
  name: "AgentSourceDown",
  condition: compare(value(self.sourceUp), "==", 0),
  forMilliseconds: 600_000,
  severity: "warning",
  component: "agent",
  summary: "the source {{ source }} of {{ node }}'s agent has been down for ten minutes",
  description:
    "The rest of the agent reports; what this source measures is missing, and rules on it are blind. warpwatch_source_info tells why.",
  source:
    "node_exporter's node_scrape_collector_success, judged as its users do; NVSentinel's issue 1748 tells of one collector that was stuck for days.",
});

export const eventsDropped = defineRule({
  name: "AgentEventsDropped",
  condition: compare(increase(value(self.agentDroppedEvents), 600_000), ">", 0),
  severity: "warning",
  component: "agent",
  summary: "{{ node }}'s agent dropped events before they were delivered",
  description:
    "XIDs or kernel faults of the last ten minutes may be missing at a receiver; their counters are right.",
  source: "No tolerance: the buffer holds more than a storm makes while a receiver answers.",
});

export const seriesLeftOut = defineRule({
  name: "AgentSeriesLeftOut",
  condition: compare(value(self.sourceRefusedSeries), ">", 0),
  forMilliseconds: 900_000,
  severity: "warning",
  component: "agent",
  summary: "{{ node }}'s agent leaves out {{ value }} series of {{ source }}",
  description:
    "The source has more than its bound, or registers a series twice. What is left out is not watched.",
  source:
    "Prometheus' own PrometheusLabelLimitHit and ScrapeSampleLimitHit; no tolerance, since what is left out is silent.",
});

export const framesDropped = defineRule({
  name: "AgentFramesDropped",
  condition: compare(increase(value(self.pushDroppedFrames), 600_000), ">", 0),
  severity: "warning",
  component: "agent",
  summary: "{{ node }}'s agent gave up {{ value }} frames: {{ reason }}",
  description:
    "The collector was away for longer than the agent's disk holds, or refused what it was sent. History has a gap there.",
  source:
    "No tolerance: what the agent can't keep is counted by reason, and a gap must not be silent.",
});

export const spooling = defineRule({
  name: "AgentSpooling",
  condition: compare(value(self.pushSpooledFrames), ">", 0),
  forMilliseconds: 900_000,
  severity: "warning",
  component: "agent",
  summary: "{{ value }} frames wait on {{ node }}'s disk for the collector",
  description:
    "The agent has not caught up with its collector for a quarter of an hour. What it can't keep any more is dropped, and AgentFramesDropped tells.",
  source:
    "Prometheus' own PrometheusRemoteWriteBehind: a restart of the collector is over in minutes, and the agent replays faster than it samples.",
});
