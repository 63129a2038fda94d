/** Rules for certificates that expire: those that the collector meets, and those that a prober looks at. */
import { collector, foreign } from "../core/catalog/index.ts";
import { age, compare, multiply, value, type Expression } from "./expression.ts";
import { defineRule } from "./rule.ts";

const hour = 3_600_000;
const fortnightSeconds = 14 * 86_400;
const fortnight =
  "Two weeks, as kubernetes-mixin gives client certificates: long enough for whoever renews by hand, and renewal by machine is done by then.";

function left(expires: Expression): Expression {
  return multiply(age(expires), -1);
}

export const certificateExpires = defineRule({
  name: "CertificateExpiring",
  condition: compare(left(value(collector.certificateExpiry)), "<", fortnightSeconds),
  forMilliseconds: hour,
  severity: "warning",
  component: "collector",
  summary: "a certificate that {{ node }} relies on expires in {{ value | duration }}",
  description:
    "A server that the collector scrapes, writes to or notifies by showed it. From then on the collector refuses the connection; its log names the server.",
  source: fortnight,
});

export const probedCertificateExpires = defineRule({
  name: "ProbedCertificateExpiring",
  condition: compare(left(value(foreign.probedCertificateExpiry)), "<", fortnightSeconds),
  forMilliseconds: hour,
  severity: "warning",
  component: "collector",
  onByDefault: false,
  summary: "a certificate probed at {{ node }} expires in {{ value | duration }}",
  description:
    "From then on whoever checks it refuses the connection: agents can't push, targets can't be scraped, notifications don't leave.",
  source: `${fortnight} Off, since it needs blackbox_exporter to probe the agents, the collector and the notifiers' receivers.`,
});
