/** Instants that several boards mark in their graphs. */
import { value } from "../alerts/expression.ts";
import * as errors from "../core/catalog/gpu-errors.ts";
import * as kernelLog from "../core/catalog/kernel-log.ts";
import type { Mark } from "./board.ts";

export const xidMark: Mark = {
  name: "XIDs",
  color: "purple",
  of: value(errors.xidLastEvent),
  title: "XID {{xid}}",
  text: "{{instance}} gpu {{gpu}}: {{action}}",
};

/** What the kernel put right by itself would mark every minute of a node with a worn module. */
export const kernelMark: Mark = {
  name: "Kernel and drivers",
  color: "orange",
  of: value(kernelLog.kernelLastEvent, { severity: { matches: /warning|critical/ } }),
  title: "{{kind}}",
  text: "{{instance}}: {{severity}}",
};
