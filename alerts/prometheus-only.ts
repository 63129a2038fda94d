/** Rules that compare nodes with each other, look back for days, or watch Prometheus itself: only Prometheus can judge them. */
import { gpu, gpuErrors } from "../core/catalog/index.ts";
import {
  aggregate,
  both,
  compare,
  constant,
  increase,
  peerRatio,
  value,
  type Selection,
} from "./expression.ts";
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
    compare(peerRatio(jobs, ["cluster", "hpc_job"]), "<", 0.6),
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
