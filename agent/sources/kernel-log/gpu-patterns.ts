/** How GPUs and NVSwitches fail, as NVIDIA's and AMD's drivers log it; forms after NVIDIA's XID document and the drivers' own sources. */
import { decodeNvlink5 } from "../../../core/catalog/nvlink5.ts";
import { findSxid } from "../../../core/catalog/sxid.ts";
import { describeXid, type XidAction } from "../../../core/catalog/xid.ts";
import type { KernelSeverity } from "../../../core/catalog/kernel-log.ts";
import { pattern, type Finding, type Groups, type Pattern } from "./finding.ts";

const anySeverity = ["info", "warning", "critical"] as const;

export const gpuPatterns: readonly Pattern[] = [
  pattern(
    "xid",
    "warning",
    /NVRM: Xid \((?:PCI:)?(?<address>[0-9a-fA-F:.]+)\)[^:]*: (?<xid>\d{1,6})(?:, (?<detail>.*))?$/,
    readXid,
    anySeverity,
  ),
  // Some drivers say it without an XID, in one line or in two.
  pattern(
    "xid",
    "critical",
    /NVRM:\s+GPU (?:at PCI:)?(?<address>[0-9a-fA-F:.]+): GPU has fallen off the bus/,
    fallenOffTheBus,
  ),
  pattern(
    "xid",
    "critical",
    /NVRM: The NVIDIA GPU (?<address>[0-9a-fA-F:.]+)\b.*fallen off the bus/,
    fallenOffTheBus,
  ),
  pattern(
    "sxid",
    "warning",
    /(?<device>nvidia-nvswitch\d+|nvswitch\d+)?:? ?SXid \((?:PCI:)?(?<address>[0-9a-fA-F:.]+)\)[^:]*: (?<sxid>\d{1,6}), (?<detail>.*)$/,
    readSxid,
    anySeverity,
  ),
  pattern(
    "gpu_driver",
    "critical",
    /NVRM: .*(?<problem>API mismatch|RmInitAdapter failed|rm_init_adapter failed|This PCI I\/O region assigned to your NVIDIA device is invalid|probe routine failed|GPU does not have the necessary power cables)/,
  ),
  pattern(
    "gpu_driver",
    "critical",
    /amdgpu (?<address>[0-9a-f:.]+): (?:amdgpu: )?(?<problem>GPU reset (?:begin|failed|succeeded)|ring \S+ timeout|uncorrectable hardware errors? detected|.*RAS.*(?:poison|uncorrectable)|GPU recovery failed|device lost from bus)/,
    ({ problem = "" }) => ({ severity: problem.includes("succeeded") ? "info" : "critical" }),
    anySeverity,
  ),
  pattern(
    "gpu_driver",
    "warning",
    /(?:xe|i915) (?<address>[0-9a-f:.]+): .*(?<problem>GPU HANG|Engine reset|CAT error)/,
  ),
];

function readXid({ address = "", xid = "", detail = "" }: Groups): Partial<Finding> {
  const code = Number(xid);
  const known = describeXid(code);
  const link = decodeNvlink5(code, detail);
  const action: XidAction = link?.action ?? known.action;
  const process = /\bpid='?(?<pid>\d+)'?(?:, name=(?<name>[^,]+))?/.exec(detail)?.groups ?? {};
  const fields = {
    mnemonic: known.mnemonic,
    description: known.description,
    action,
    ...(process["pid"] === undefined ? {} : { pid: process["pid"] }),
    ...(process["name"] === undefined ? {} : { process: process["name"] }),
    ...(link && {
      unit: link.unit,
      subcode: String(link.subcode),
      link: String(link.link),
      link_severity: link.severity,
    }),
    ...recoveryOf(code, detail),
  };
  return {
    severity: severityOf(known.fatal, action, link?.severity),
    subject: `${address} ${xid}`,
    gpuAddress: address,
    xid: code,
    fields,
  };
}

function severityOf(
  fatal: boolean,
  action: XidAction,
  link: "nonfatal" | "link" | "fatal" | undefined,
): KernelSeverity {
  if (link !== undefined) return link === "nonfatal" ? "warning" : "critical";
  if (fatal) return "critical";
  return action === "ignore" ? "info" : "warning";
}

/** XID 154 says which action the driver asks for: `… changed from 0x0 (None) to 0x1 (GPU Reset Required)`. */
function recoveryOf(code: number, detail: string): Record<string, string> {
  const wanted = code === 154 ? / to 0x[0-9a-f]+ \(([^)]+)\)/i.exec(detail)?.[1] : undefined;
  return wanted === undefined ? {} : { recovery_action: wanted };
}

function fallenOffTheBus({ address = "" }: Groups): Partial<Finding> {
  return { ...readXid({ address, xid: "79", detail: "" }), severity: "critical" };
}

function readSxid({ address = "", sxid = "", detail = "" }: Groups): Partial<Finding> {
  const known = findSxid(Number(sxid));
  const saysFatal = /^Fatal\b/i.test(detail);
  const harmless = known?.scope === "none" || /^Non-fatal\b/i.test(detail);
  const severity: KernelSeverity =
    saysFatal || known?.scope === "fabric" ? "critical" : harmless ? "info" : "warning";
  return {
    severity,
    subject: `${address} ${sxid}`,
    fields: {
      ...(known && { description: known.description, scope: known.scope }),
      .../\bLink (?<link>\d+)/.exec(detail)?.groups,
    },
  };
}
