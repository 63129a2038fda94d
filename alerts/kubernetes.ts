/** Rules over kube-state-metrics: GPUs that Kubernetes has and can't give to who waits for them. */
import { foreign } from "../core/catalog/index.ts";
import {
  add,
  aggregate,
  both,
  compare,
  multiply,
  subtract,
  value,
  type Expression,
  type Selection,
} from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
/** One kube-state-metrics tells of the whole cluster. */
const place = ["cluster", "job", "instance"];
const resource = { matches: /nvidia_com_(gpu|mig_.+)|amd_com_gpu|gpu_intel_com_(i915|xe)/ };

/** GPUs that pods in this phase ask for. */
function requested(requests: Selection, phase: "Pending" | "Running"): Expression {
  const asked = multiply(requests, value(foreign.podPhase, { phase }), ["instance", "uid"]);
  return aggregate("sum", place, asked);
}

const waiting = requested(value(foreign.podResourceRequests, { resource, node: "" }), "Pending");
// Of all pods: those that wait count as 0, where no other has a GPU.
const held = requested(value(foreign.podResourceRequests, { resource }), "Running");

const takesPods = add(multiply(value(foreign.nodeUnschedulable), -1), 1);
const schedulable = aggregate(
  "sum",
  place,
  multiply(value(foreign.nodeAllocatable, { resource }), takesPods, ["instance", "node"]),
);

export const podsPending = defineRule({
  name: "GpuPodsPending",
  condition: both(
    compare(waiting, ">", 0),
    compare(subtract(subtract(schedulable, held), waiting), ">=", 0),
  ),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "fleet",
  onByDefault: false,
  summary: "pods wait for {{ value }} GPUs while as many are free",
  description:
    "The cluster has enough GPUs, yet not together on one node, or a taint, an affinity or a quota stands between: capacity is paid for and can't be used.",
  source:
    "Fragmentation as the authors of FGD describe it (USENIX ATC 2023). Off, since it needs kube-state-metrics, whole and not in shards; a quarter of an hour lets an autoscaler act.",
});
