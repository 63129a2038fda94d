/** Rules for RDMA ports, over node_exporter's names. */
import { fabric } from "../core/catalog/index.ts";
import { both, compare, increase, rate, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
const hour = 60 * minute;
const active = 4;
const state = fabric.infinibandPort.metric("state_id", { kind: "gauge" });
const received = fabric.infinibandPort.metric("port_data_received_bytes_total");
const wentDown = fabric.infinibandPort.metric("link_downed_total");
const symbolErrors = fabric.infinibandPort.metric("symbol_error_total");

export const portDown = defineRule({
  name: "InfinibandPortDown",
  condition: both(
    compare(value(state), "<", active),
    // A port that has never carried anything is one that nobody uses.
    compare(value(received), ">", 0),
  ),
  forMilliseconds: minute,
  severity: "critical",
  component: "fabric",
  team: "network",
  summary: "port {{ port }} of {{ device }} on {{ node }} is down (state {{ value }})",
  description:
    "The port carried data since the node was started and is no longer active: 1 is down, 2 initialising, 3 armed. Jobs over it hang or fall back to a slower way.",
  source:
    "Azure's health agent takes every state but 4 (ACTIVE) as an error, NVIDIA's a link that is gone for 30 s. Ports that never carried data aren't judged.",
});

export const linkFlapping = defineRule({
  name: "InfinibandLinkFlapping",
  condition: compare(increase(value(wentDown), 3 * hour), ">", 2.5),
  severity: "warning",
  component: "fabric",
  team: "network",
  summary:
    "port {{ port }} of {{ device }} on {{ node }} went down {{ value }} times within three hours",
  description: "An optic, a cable or a switch port. Jobs survive each flap and lose seconds to it.",
  source:
    "Azure's health agent: three in 10,800 s; AKS' IBLinkFlapping. Half a flap less, since an increase is extrapolated.",
});

export const symbolErrorRate = defineRule({
  name: "InfinibandSymbolErrors",
  condition: compare(rate(value(symbolErrors), 15 * minute), ">", 1, 0.5),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "fabric",
  team: "network",
  onByDefault: false,
  summary:
    "port {{ port }} of {{ device }} on {{ node }} counts {{ value }} symbol errors a second",
  description: "The link is noisy. It repeats what it loses, until it goes down and flaps.",
  source:
    "Comes before flaps, as gpud and NVIDIA's UFM count it. Off, since links with forward error correction count what it repairs.",
});

const recovered = fabric.infinibandPort.metric("link_error_recovery_total");

export const linkRecovers = defineRule({
  name: "InfinibandLinkRecovering",
  condition: compare(increase(value(recovered), hour), ">", 3.5),
  severity: "warning",
  component: "fabric",
  team: "network",
  onByDefault: false,
  summary:
    "port {{ port }} of {{ device }} on {{ node }} trained its link anew {{ value }} times within an hour",
  description:
    "Each time traffic stands still for milliseconds and every rank waits. A cable or an optic goes before the link does.",
  source:
    "Azure's health agent: more than three. Off, since a switch that is being worked on does the same. Half a recovery more, since an increase is extrapolated.",
});

export const integrityErrors = defineRule({
  name: "InfinibandLinkIntegrity",
  condition: compare(
    increase(value(fabric.infinibandPort.metric("local_link_integrity_errors_total")), 10 * minute),
    ">",
    0,
  ),
  severity: "warning",
  component: "fabric",
  team: "network",
  summary: "the link of port {{ port }} of {{ device }} on {{ node }} corrupts what it carries",
  description:
    "The port's own threshold for errors on the wire was passed. Jobs over the port lose packets and slow down.",
  source:
    "NVSentinel's monitor of adapters takes any increase as fatal for the port; a ticket here, since InfinibandPortDown pages when the link goes.",
});
