/** Rules that compare nodes with each other, look back for days, or watch Prometheus itself: only Prometheus can judge them. */
import { collector, fabric, gpu, gpuDetails, gpuErrors, self } from "../core/catalog/index.ts";
import { openMetric } from "../core/catalog/metric.ts";
import {
  aggregate,
  both,
  compare,
  constant,
  divide,
  increase,
  multiply,
  over,
  peerDifference,
  peerRatio,
  placeLabels,
  rate,
  value,
  type Selection,
} from "./expression.ts";
import { renderExpression } from "./promql.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
const hour = 60 * minute;
const week = 7 * 24 * hour;

export const watchdog = defineRule({
  name: "Watchdog",
  condition: compare(constant(1), "==", 1),
  severity: "info",
  component: "fleet",
  prometheusOnly: "it tells by its silence that Prometheus or Alertmanager no longer works.",
  summary: "always fires",
  description:
    "A dead-man switch outside must hear of it every few minutes, and pages when it doesn't.",
  source:
    "The Watchdog of prometheus-operator's runbooks; what watches must be watched from outside.",
});

/** What Prometheus tells targets apart by. */
const targetOf = ["job", "instance"];

export const collectorDown = defineRule({
  name: "CollectorDown",
  condition: both(
    compare(value(collector.targetUp), "==", 0),
    // Of all targets those that were a collector within a day.
    compare(over("max", value(collector.evaluations), 24 * hour), ">=", 0),
    targetOf,
  ),
  forMilliseconds: 2 * minute,
  severity: "critical",
  component: "collector",
  prometheusOnly: "a collector that is down can't tell so itself.",
  summary: "the collector at {{ node }} does not answer",
  description:
    "What it alone knows (events, lost nodes, what its detectors find) is told by nobody, and its own notifiers are silent. Agents keep what they have for it.",
  ended: { stillReported: collector.evaluations, on: [] },
  source:
    "kubernetes-mixin's KubeletDown and its like: a page for what others rest on. A restart is over in seconds; two minutes let one pass.",
});

/** Of all targets those that were an agent within a day, whatever version they had. */
const agentUp = multiply(
  value(collector.targetUp),
  aggregate("max", targetOf, over("max", value(self.agentInfo), 24 * hour)),
);
const withoutCollector =
  "the collector knows who is expected, and tells of a node by AgentGone, NodeLost and AgentsGoneMany.";

export const agentDown = defineRule({
  name: "AgentDown",
  condition: compare(agentUp, "==", 0),
  forMilliseconds: 5 * minute,
  severity: "warning",
  component: "agent",
  onByDefault: false,
  prometheusOnly: withoutCollector,
  summary: "the agent at {{ node }} does not answer",
  description:
    "Prometheus knows the target and can't scrape it: every rule on this node is blind, and its alerts have ended for want of data.",
  ended: { stillReported: self.agentInfo, on: [] },
  source:
    "kubernetes-mixin's TargetDown; five minutes let a reboot pass. Off, for those who have Prometheus and no collector.",
});

const agentFleet = ["cluster", "job"];

export const agentsDown = defineRule({
  name: "AgentsDownMany",
  condition: both(
    compare(aggregate("avg", agentFleet, agentUp), "<", 0.9, 0.95),
    compare(aggregate("count", agentFleet, agentUp), ">=", 10),
  ),
  forMilliseconds: 5 * minute,
  severity: "critical",
  component: "fleet",
  onByDefault: false,
  prometheusOnly: withoutCollector,
  // Of each that is missing AgentDown's second alert says so.
  comesAndGoes: true,
  summary: "only {{ value | percent }} of the agents of {{ job }} answer",
  description:
    "A tenth or more of them fell silent at once: the network, Prometheus or a roll-out rather than the nodes. Hides AgentDown.",
  source:
    "AgentsGoneMany, for those who have Prometheus and no collector: a tenth of ten agents or more. Off, like AgentDown.",
});

export const xidRecurs = defineRule({
  name: "GpuXidRecurring",
  condition: compare(
    aggregate(
      "sum",
      ["cluster", "instance", "UUID"],
      increase(value(gpuErrors.xidEvents, { action: { matches: /reset_gpu|reboot/ } }), week),
    ),
    ">",
    2.5,
  ),
  severity: "critical",
  component: "gpu",
  prometheusOnly:
    "it looks back a week, which no window of the collector holds; there GpuFailureLikely weighs the same counts.",
  summary: "a GPU of {{ node }} asked for a reset or a reboot {{ value }} times within a week",
  description:
    "Resets and reboots have not cured {{ UUID }}: it has to be looked at, not restarted again.",
  source:
    "gpud sends a GPU to hardware inspection after two reboots. Half an event less, since an increase is extrapolated.",
});

export const driverSkew = defineRule({
  name: "GpuDriverVersionSkew",
  condition: compare(
    aggregate(
      "count",
      ["cluster"],
      aggregate("count", ["cluster", "driver_version"], value(gpu.info)),
    ),
    ">",
    1,
  ),
  forMilliseconds: hour,
  severity: "info",
  component: "fleet",
  onByDefault: false,
  prometheusOnly: "it compares the nodes of a cluster.",
  summary: "{{ value }} versions of the GPU driver run in one cluster",
  description:
    "A roll-out that stopped half-way breaks collectives in ways that look like something else.",
  source:
    "Meta's gcm checks package versions alike. Off, since clusters with several pools have several on purpose.",
});

/** The job is a label that attribution adds to the GPU's series. */
const jobs: Selection = { ...value(gpu.tensorActive), match: { hpc_job: { matches: /.+/ } } };

export const straggler = defineRule({
  name: "GpuStragglerInJob",
  condition: both(
    compare(peerRatio(jobs, ["cluster", "hpc_job"]), "<", 0.6, 0.7),
    compare(aggregate("count", ["cluster", "hpc_job"], jobs), ">=", 8),
    ["cluster", "hpc_job"],
  ),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "gpu",
  onByDefault: false,
  prometheusOnly: "it compares the GPUs of a job over all of its nodes.",
  summary: "GPU {{ gpu }} of {{ node }} does {{ value | percent }} of what its job's others do",
  description:
    "Tensor activity of {{ UUID }} ({{ modelName }}) against the median of the job: in a synchronous job all wait for it.",
  source:
    "Our choice, after the stragglers of Llama 3's training. Off, since ranks of a pipeline differ by design.",
});

/** The GPUs of a job do the same work at the same time, wherever they stand. */
const jobHeat: Selection = { ...value(gpu.temperature), match: { hpc_job: { matches: /.+/ } } };
const jobOfModel = ["cluster", "hpc_job", "modelName"];

export const hotterThanJob = defineRule({
  name: "GpuHotterThanJob",
  condition: both(
    compare(peerDifference(jobHeat, jobOfModel), ">", 20, 15),
    compare(aggregate("count", jobOfModel, jobHeat), ">=", 8),
    jobOfModel,
  ),
  forMilliseconds: 30 * minute,
  severity: "warning",
  component: "gpu",
  prometheusOnly: "it compares the GPUs of a job over all of its nodes.",
  summary: "GPU {{ gpu }} of {{ node }} is {{ value }} °C hotter than its job's others",
  description:
    "Against the median of the {{ modelName }} of the job, on all of its nodes. A node whose GPUs are all hot has no neighbour to tell by: its fans, its airflow or its rack's cooling.",
  source:
    "Our choice: GpuHotterThanSiblings with five degrees more, as the air that goes into racks differs by some.",
});

const linksUp = aggregate("sum", [...placeLabels, "gpu", "UUID"], value(gpuDetails.nvlinkActive));
/** With the model, which the links' own series don't carry. */
const linksOfModel = multiply(value(gpu.info), linksUp, [...targetOf, "UUID"]);

export const nvlinksBelowFleet = defineRule({
  name: "GpuNvlinksBelowFleet",
  condition: compare(multiply(peerDifference(linksOfModel, ["cluster", "model"]), -1), ">", 0),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "fabric",
  prometheusOnly: "it compares the nodes of a cluster.",
  summary:
    "GPU {{ gpu }} of {{ node }} lacks {{ value }} of the NVLinks that the cluster's others have up",
  description:
    "Against the median of all {{ model }}. Where every GPU of a node lacks the same links (a switch, a baseboard, Fabric Manager), GpuNvlinkDown has nobody to compare with.",
  source:
    "NVIDIA's health check tolerates no inactive link. A ticket, since one cluster may hold boards of the same model that are wired differently.",
});

const portState = fabric.infinibandPort.metric("state_id", { kind: "gauge" });
const portReceived = fabric.infinibandPort.metric("port_data_received_bytes_total");

export const portNotBack = defineRule({
  name: "InfinibandPortNotBack",
  condition: both(
    compare(value(portState), "<", 4),
    compare(over("max", value(portReceived), week), ">", 0),
  ),
  forMilliseconds: 15 * minute,
  severity: "critical",
  component: "fabric",
  team: "network",
  prometheusOnly:
    "it looks back a week, which no window of the collector holds; there InfinibandPortDown judges ports by what they carried since the node was started.",
  summary:
    "port {{ port }} of {{ device }} on {{ node }} carried data this week and is down (state {{ value }})",
  description:
    "The node was started anew and the port did not come back: its counters began at 0, so that it looks like one that nobody uses. Jobs that get the node hang or go a slower way.",
  ended: { stillReported: portState, on: [] },
  source:
    "Azure's health agent takes every state but 4 (ACTIVE) as an error. Which ports are in use is what they carried within a week; a quarter of an hour lets the subnet manager find them.",
});

const corrected = rate(value(gpuErrors.eccSingleBitVolatile), 15 * minute);
const model = ["cluster", "modelName"];
/** What one GPU in twenty of a model passes: a single sick one doesn't move it from twenty-one of a model on. */
const fleetCorrected = openMetric(
  `model:${gpuErrors.eccSingleBitVolatile.name}:rate15m_p95`,
  "gauge",
  "The 95th percentile over the GPUs of a model of the memory errors that ECC corrected a second.",
  model,
);

export const correctedAboveFleet = defineRule({
  name: "GpuCorrectableEccAboveFleet",
  condition: both(
    compare(corrected, ">", 0.1, 0.05),
    compare(divide(corrected, value(fleetCorrected), model), ">", 100),
  ),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "gpu",
  prometheusOnly: "it compares the GPUs of a model over all nodes.",
  recorded: [
    {
      record: fleetCorrected.name,
      promql: `quantile by (${model.join(", ")}) (0.95, ${renderExpression(corrected)})`,
    },
  ],
  // When its counters stop, GpuCorrectableEccRateHigh's second alert says so.
  comesAndGoes: true,
  summary: "GPU {{ gpu }} of {{ node }} corrects {{ value }} memory errors a second, its like none",
  description:
    "More than a hundred times what nineteen in twenty {{ modelName }} have. {{ UUID }} is on its way to what GpuCorrectableEccRateHigh tells of.",
  source:
    "A hundred times the 95th percentile of its model: lower than any fixed limit, and quiet where a model has many. A tenth a second is hundreds an hour, where a sound GPU has less than one.",
});
