/** The scenarios that come with the product, as the fault scripts a user would write. */

const scripts = {
  quiet: `
# Nothing breaks: a mixed workload on sound hardware.
workload: mixed
`,
  demo: `
# A bad quarter of an hour on two nodes of eight GPUs, for the first look at the product.
workload: training
faults:
  # Checkpoints pile up on the scratch filesystem.
  - { at: 15s, node: 1, kind: filesystem_fill, severity: 1, duration: 5m, mountpoint: /scratch }
  # The paste under one GPU's heat sink gives way: it creeps up and throttles.
  - { at: 25s, node: 0, gpu: 5, kind: thermal_runaway, severity: 0.7, duration: 4m }
  # A GPU leaves the bus, takes its job along, and comes back with the reboot.
  - { at: 195s, node: 1, gpu: 2, kind: gpu_off_bus, duration: 4m }
  # One GPU is slower than its seven peers without saying why.
  - { at: 5m, node: 0, gpu: 1, kind: straggler, severity: 0.6, duration: 8m }
  # Memory that will have to be repaired at the next reset.
  - { at: 5m, node: 0, gpu: 3, kind: ecc_storm, severity: 0.5, duration: 3m }
  - { at: 6m, node: 0, gpu: 3, kind: row_remap_pending, duration: 8m }
  # A cable that works most of the time.
  - { at: 7m, node: 1, gpu: 6, kind: nic_loss, severity: 0.3, duration: 5m }
  - { at: 8m, node: 1, gpu: 0, kind: nvlink_flap, severity: 0.4, duration: 3m }
  # A data loader that never frees.
  - { at: 9m, node: 0, kind: memory_leak, severity: 0.97, duration: 5m }
`,
} as const;

export type ScenarioName = keyof typeof scripts;
export const scenarioNames = Object.keys(scripts) as ScenarioName[];

export function isScenarioName(text: string): text is ScenarioName {
  return Object.hasOwn(scripts, text);
}

export function scenarioText(name: ScenarioName): string {
  return scripts[name];
}
