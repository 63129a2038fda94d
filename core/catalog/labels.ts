/** The closed list of label names that the catalogue may use, each with how many values it can take on one node. */

/**
 * How many distinct values a label takes on one node:
 * `fixed` is a list known at build time, `device` grows with the hardware, `workload` with what runs on it.
 */
export type CardinalityClass = "fixed" | "device" | "workload";

/** Spelling follows the exporter that owns the metric (dcgm-exporter: `UUID`, `modelName`, `Hostname`). */
export const labelCardinality = {
  // node_exporter
  collector: "fixed",
  cpu: "device",
  mode: "fixed",
  device: "device",
  mountpoint: "device",
  fstype: "fixed",
  device_error: "fixed",
  operstate: "fixed",
  machine: "fixed",
  nodename: "fixed",
  release: "fixed",
  sysname: "fixed",
  version: "fixed",
  domainname: "fixed",
  build_id: "fixed",
  id: "fixed",
  id_like: "fixed",
  image_id: "fixed",
  image_version: "fixed",
  name: "device",
  pretty_name: "fixed",
  variant: "fixed",
  variant_id: "fixed",
  version_codename: "fixed",
  version_id: "fixed",
  // dcgm-exporter
  gpu: "device",
  UUID: "device",
  pci_bus_id: "device",
  modelName: "fixed",
  Hostname: "fixed",
  DCGM_FI_DRIVER_VERSION: "fixed",
  GPU_I_ID: "device",
  GPU_I_PROFILE: "fixed",
  err_code: "fixed",
  err_msg: "fixed",
  // Warpwatch
  serial: "device",
  driver_version: "fixed",
  vbios_version: "fixed",
  node: "device",
  source: "fixed",
  state: "fixed",
  reason: "fixed",
  kind: "fixed",
  xid: "fixed",
  action: "fixed",
  link: "device",
  nic: "device",
  severity: "fixed",
  alertname: "fixed",
  rule: "fixed",
  notifier: "fixed",
  outcome: "fixed",
  job: "device",
  instance: "device",
  target: "device",
  route: "fixed",
  method: "fixed",
  code: "fixed",
  detector: "fixed",
} as const satisfies Record<string, CardinalityClass>;

export type LabelName = keyof typeof labelCardinality;
