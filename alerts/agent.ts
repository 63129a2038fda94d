/** Rules about what an agent waits for: they tell of the node's drivers and mounts, not of the agent. */
import { self } from "../core/catalog/index.ts";
import { compare, value } from "./expression.ts";
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
