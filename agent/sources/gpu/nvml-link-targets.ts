/** Values of one NVLink: their keys name the link, `link.3.state`. */
import * as details from "../../../core/catalog/gpu-details.ts";
import { nvlinkErrors } from "../../../core/catalog/gpu-errors.ts";
import { target, type Target } from "./nvml-target.ts";

/** The probe's name for an error counter, and the label's. */
const errorKinds: Readonly<Record<string, string>> = {
  dl_crc: "crc",
  dl_replay: "replay",
  dl_recovery: "recovery",
  malformed_packet: "malformed_packet",
  buffer_overrun: "buffer_overrun",
  receive_error: "receive",
  remote_error: "remote",
  general_error: "general",
  local_integrity: "local_integrity",
  transmit_discard: "transmit_discard",
  recovery_event: "recovery",
  recovery_failed: "recovery_failed",
  effective_error: "effective",
  symbol_error: "symbol",
};

export const linkMetrics = [
  details.nvlinkActive,
  details.nvlinkVersion,
  details.nvlinkSpeed,
  details.nvlinkBytes,
  details.firstLinkBandwidth,
  details.nvlinkBlocks,
  nvlinkErrors,
];

const bytesPerKibibyte = 1024;
const bytesPerMegabyte = 1_000_000;

export function linkTargets(key: string): readonly Target[] {
  const [, link, value = ""] = /^link\.(\d+)\.(\w+)$/.exec(key) ?? [];
  if (link === undefined) return [];
  const kind = errorKinds[value];
  if (kind !== undefined) return [target(nvlinkErrors, { link, kind })];
  switch (value) {
    case "state":
      return [target(details.nvlinkActive, { link })];
    case "version":
      return [target(details.nvlinkVersion, { link })];
    case "speed":
      return [target(details.nvlinkSpeed, { link }, bytesPerMegabyte)];
    case "transmit":
    case "receive":
      return [
        target(details.nvlinkBytes, { link, direction: value }, bytesPerKibibyte),
        // The sum of both ways; dcgm-exporter's file of counters knows it of this link alone.
        ...(link === "0" ? [{ ...target(details.firstLinkBandwidth), adds: true }] : []),
      ];
    default:
      return blockTargets(link, value);
  }
}

/** `fec_0` counts blocks that were clean, the others those with so many symbols corrected. */
function blockTargets(link: string, value: string): readonly Target[] {
  if (!value.startsWith("fec_")) return [];
  const state = value === "fec_0" ? "clean" : "corrected";
  return [{ ...target(details.nvlinkBlocks, { link, state }), adds: true }];
}
