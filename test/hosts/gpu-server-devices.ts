/** What the GPU server is built of: processors with clocks, sensors, memory controllers, RDMA adapters, NVMe drives, power zones. */
import type { Draw } from "./gpu-server.ts";
import { linkTo, type HostTree } from "./tree.ts";

interface Parts {
  readonly processors: number;
  readonly drives: number;
  readonly ports: number;
  readonly draw: Draw;
}

type Files = Record<string, string | null>;

export function gpuServerDevices({ processors, drives, ports, draw }: Parts): HostTree {
  return {
    ...processorFiles(processors, draw),
    ...schedulerFile(processors, draw),
    ...sensorFiles(drives, draw),
    ...memoryControllerFiles(draw),
    ...adapterFiles(ports, draw),
    ...channelAdapterFiles(draw),
    ...driveFiles(drives, draw),
    ...zoneFiles(draw),
    ...kernelFiles(draw),
    ...boardFiles(),
    ...arrayFile(),
  };
}

/** A mirror that is being rebuilt, a stripe, and one that doesn't run. */
function arrayFile(): Files {
  return {
    "proc/mdstat": [
      "Personalities : [raid1] [raid0]",
      "md0 : active raid1 nvme1n1p2[2] nvme0n1p2[0] nvme2n1p2[1](F) nvme3n1p2[3](S)",
      "      1048512 blocks super 1.2 [2/1] [U_]",
      "      [==>..................]  recovery = 12.6% (132096/1048512) finish=3.4min speed=4403K/sec",
      "      bitmap: 1/1 pages [4KB], 65536KB chunk",
      "",
      "md1 : active raid0 nvme4n1[0] nvme5n1[1]",
      "      7501212672 blocks super 1.2 512k chunks",
      "      ",
      "md127 : inactive sdb[0](S)",
      "      976631512 blocks super 1.2",
      "       ",
      "unused devices: <none>",
      "",
    ].join("\n"),
  };
}

/** Two packages with two threads to a core. */
function processorFiles(processors: number, draw: Draw): Files {
  const folder = "sys/devices/system/cpu";
  const files: Files = {
    [`${folder}/online`]: `0-${processors - 1}\n`,
    [`${folder}/offline`]: "\n",
    [`${folder}/isolated`]: "2-3,10\n",
  };
  const cores = processors / 2;
  for (let cpu = 0; cpu < processors; cpu += 1) {
    const own = `${folder}/cpu${cpu}`;
    const core = cpu % cores;
    files[`${own}/topology/physical_package_id`] = `${core < cores / 2 ? 0 : 1}\n`;
    files[`${own}/topology/core_id`] = `${core}\n`;
    files[`${own}/thermal_throttle/core_throttle_count`] = `${core * 3}\n`;
    files[`${own}/thermal_throttle/package_throttle_count`] = `${core < cores / 2 ? 17 : 4}\n`;
    if (cpu > 0) files[`${own}/online`] = "1\n";
    const clocks = `${own}/cpufreq`;
    for (const [file, value] of [
      ["cpuinfo_min_freq", 800_000],
      ["cpuinfo_max_freq", 3_800_000],
      ["cpuinfo_transition_latency", 20_000],
      ["scaling_cur_freq", 2_000_000 + draw(1_800_000)],
      ["scaling_min_freq", 800_000],
      ["scaling_max_freq", 3_800_000],
    ] as const)
      files[`${clocks}/${file}`] = `${value}\n`;
    for (const [file, text] of [
      ["scaling_governor", "performance"],
      ["scaling_available_governors", "performance powersave"],
      ["scaling_driver", "intel_pstate"],
      ["related_cpus", String(cpu)],
      ["scaling_setspeed", "<unsupported>"],
    ] as const)
      files[`${clocks}/${file}`] = `${text}\n`;
  }
  return files;
}

function schedulerFile(processors: number, draw: Draw): Files {
  const lines = Array.from(
    { length: processors },
    (_, cpu) =>
      `cpu${cpu} 0 0 0 0 ${draw(1e6)} ${draw(1e6)} ${draw(1e15)} ${draw(1e15)} ${draw(1e9)}\ndomain0 SMT ffff 1 2 3 4 5 6 7 8`,
  );
  return { "proc/schedstat": `version 17\ntimestamp 4295412\n${lines.join("\n")}\n` };
}

/** Two processors with a sensor per core, drives, adapters, a board with fans, voltages and power. */
function sensorFiles(drives: number, draw: Draw): Files {
  const files: Files = {};
  let chip = 0;
  const add = (name: string, device: string, sensors: Readonly<Record<string, string>>): void => {
    const folder = `sys/class/hwmon/hwmon${chip}`;
    chip += 1;
    files[`sys/devices/${device}`] = null;
    files[`${folder}/name`] = `${name}\n`;
    files[`${folder}/device`] = linkTo(`../../../devices/${device}`);
    for (const [file, text] of Object.entries(sensors)) files[`${folder}/${file}`] = `${text}\n`;
  };
  const temperature = (number: number, label: string): Record<string, string> => ({
    [`temp${number}_input`]: String(30_000 + draw(50_000)),
    [`temp${number}_label`]: label,
    [`temp${number}_max`]: "86000",
    [`temp${number}_crit`]: "100000",
    [`temp${number}_crit_alarm`]: "0",
  });
  for (let socket = 0; socket < 2; socket += 1) {
    const cores = Array.from({ length: 56 }, (_, core) => temperature(core + 2, `Core ${core}`));
    add("coretemp", `platform/coretemp.${socket}`, {
      ...temperature(1, `Package id ${socket}`),
      ...Object.assign({}, ...cores),
    });
  }
  for (let drive = 0; drive < drives; drive += 1)
    add("nvme", `pci0000:00/0000:0${drive.toString(16)}:00.0/nvme/nvme${drive}`, {
      ...temperature(1, "Composite"),
      temp1_min: "-5150",
      temp1_alarm: "0",
    });
  add("nct6798", "platform/nct6775.656", {
    in0_input: "1096",
    in0_min: "0",
    in0_beep: "0",
    in0_alarm: "1",
    fan1_input: "9300",
    fan1_min: "500",
    fan1_target: "9000",
    fan1_pulses: "2",
    fan1_fault: "0",
    pwm1: "255",
    pwm1_enable: "5",
    curr1_input: "32100",
    cpu0_vid: "1050",
    vrm: "90",
    beep_enable: "1",
    update_interval: "1000",
    intrusion0_alarm: "1",
    temp1_type: "6",
    humidity1_input: "431000",
    energy1_input: "9812345678",
  });
  add("power_meter", "LNXSYSTM:00/ACPI000D:00", {
    power1_average: "4120000000",
    power1_average_interval: "1000",
    power1_accuracy: "98000",
    power1_cap_max: "6500000000",
    power1_is_battery: "0",
  });
  return files;
}

function channelAdapterFiles(draw: Draw): Files {
  const folder = "sys/class/fc_host/host0";
  const files: Files = {};
  for (const [file, text] of Object.entries({
    speed: "32 Gbit",
    port_state: "Online",
    port_type: "Point-To-Point (direct nport connection)",
    node_name: "0x20000024ff4a1b2c",
    port_id: "0x0ae280",
    port_name: "0x21000024ff4a1b2c",
    fabric_name: "0x0",
    symbolic_name: "Adapter FV9.08.02",
    supported_classes: "Class 3",
    supported_speeds: "8 Gbit, 16 Gbit, 32 Gbit",
    dev_loss_tmo: "30",
  }))
    files[`${folder}/${file}`] = `${text}\n`;
  for (const file of "dumped_frames error_frames fcp_packet_aborts invalid_crc_count invalid_tx_word_count link_failure_count loss_of_signal_count loss_of_sync_count nos_count rx_frames rx_words seconds_since_last_reset tx_frames tx_words".split(
    " ",
  ))
    files[`${folder}/statistics/${file}`] = `0x${draw(1e9).toString(16)}\n`;
  return files;
}

function memoryControllerFiles(draw: Draw): Files {
  const files: Files = {};
  for (let controller = 0; controller < 32; controller += 1) {
    const folder = `sys/devices/system/edac/mc/mc${controller}`;
    files[`${folder}/ce_noinfo_count`] = "0\n";
    files[`${folder}/ue_noinfo_count`] = "0\n";
    files[`${folder}/ce_count`] = `${draw(5)}\n`;
    files[`${folder}/ue_count`] = "0\n";
    for (let row = 0; row < 2; row += 1) {
      files[`${folder}/csrow${row}/ce_count`] = `${draw(3)}\n`;
      files[`${folder}/csrow${row}/ue_count`] = "0\n";
      files[`${folder}/csrow${row}/ch0_ce_count`] = `${draw(3)}\n`;
      files[`${folder}/csrow${row}/ch0_dimm_label`] =
        `CPU_SrcID#${controller >> 4}_MC#${controller}_Chan#0_DIMM#${row}\n`;
    }
  }
  return files;
}

const portCounters =
  "VL15_dropped excessive_buffer_overrun_errors link_downed link_error_recovery local_link_integrity_errors multicast_rcv_packets multicast_xmit_packets port_rcv_constraint_errors port_rcv_data port_rcv_errors port_rcv_packets port_rcv_remote_physical_errors port_rcv_switch_relay_errors port_xmit_constraint_errors port_xmit_data port_xmit_discards port_xmit_packets port_xmit_wait symbol_error unicast_rcv_packets unicast_xmit_packets".split(
    " ",
  );
const hardwareCounters =
  "duplicate_request implied_nak_seq_err local_ack_timeout_err np_cnp_sent np_ecn_marked_roce_packets out_of_buffer out_of_sequence packet_seq_err req_cqe_error req_cqe_flush_error req_remote_access_errors resp_cqe_error resp_local_length_error rnr_nak_retry_err roce_adp_retrans rp_cnp_handled rp_cnp_ignored rx_read_requests rx_write_requests".split(
    " ",
  );

/** The last adapter has a fabric manager's port, whose counters say that there are none. */
function adapterFiles(ports: number, draw: Draw): Files {
  const files: Files = {};
  for (let adapter = 0; adapter < ports; adapter += 1) {
    const folder = `sys/class/infiniband/mlx5_${adapter}`;
    files[`${folder}/board_id`] = "MT_0000000838\n";
    files[`${folder}/fw_ver`] = "28.39.3560\n";
    files[`${folder}/hca_type`] = "MT4129\n";
    const port = `${folder}/ports/1`;
    files[`${port}/link_layer`] = "InfiniBand\n";
    files[`${port}/state`] = adapter === 1 ? "1: DOWN\n" : "4: ACTIVE\n";
    files[`${port}/phys_state`] = adapter === 1 ? "3: Disabled\n" : "5: LinkUp\n";
    files[`${port}/rate`] = "400 Gb/sec (4X NDR)\n";
    for (const counter of portCounters) files[`${port}/counters/${counter}`] = `${draw(1e14)}\n`;
    for (const counter of hardwareCounters)
      files[`${port}/hw_counters/${counter}`] = `${draw(1e9)}\n`;
    files[`${port}/hw_counters/lifespan`] = "12500\n";
  }
  files[`sys/class/infiniband/mlx5_${ports - 1}/ports/1/counters/port_rcv_data`] = "N/A (no PMA)\n";
  return files;
}

function driveFiles(drives: number, draw: Draw): Files {
  const files: Files = {};
  for (let drive = 0; drive < drives; drive += 1) {
    const folder = `sys/class/nvme/nvme${drive}`;
    files[`${folder}/firmware_rev`] = "GDC56   \n";
    files[`${folder}/model`] = "SAMSUNG MZQL23T8HCLS-00A07              \n";
    files[`${folder}/serial`] = `S6${drive}\n`;
    files[`${folder}/state`] = drive === 3 ? "resetting\n" : "live\n";
    files[`${folder}/cntlid`] = `${drive}\n`;
    const space = `${folder}/nvme${drive}n1`;
    files[`${space}/size`] = "7501476528\n";
    files[`${space}/nuse`] = `${draw(937_000_000)}\n`;
    files[`${space}/queue/logical_block_size`] = "4096\n";
  }
  return files;
}

function zoneFiles(draw: Draw): Files {
  const files: Files = {};
  const zones = [
    ["intel-rapl:0", "package-0"],
    ["intel-rapl:0:0", "dram"],
    ["intel-rapl:1", "package-1"],
    ["intel-rapl:1:0", "dram"],
  ] as const;
  for (const [zone, name] of zones) {
    files[`sys/class/powercap/${zone}/name`] = `${name}\n`;
    files[`sys/class/powercap/${zone}/energy_uj`] = `${draw(2e11)}\n`;
    files[`sys/class/powercap/${zone}/max_energy_range_uj`] = "262143328850\n";
  }
  for (let zone = 0; zone < 2; zone += 1) {
    const folder = `sys/class/thermal/thermal_zone${zone}`;
    files[`${folder}/type`] = "x86_pkg_temp\n";
    files[`${folder}/policy`] = "step_wise\n";
    files[`${folder}/temp`] = `${40_000 + draw(30_000)}\n`;
    files[`${folder}/mode`] = "enabled\n";
  }
  files["sys/class/thermal/cooling_device0/type"] = "Processor\n";
  files["sys/class/thermal/cooling_device0/cur_state"] = "0\n";
  files["sys/class/thermal/cooling_device0/max_state"] = "10\n";
  for (const [file, value] of Object.entries({
    in_flight: 1,
    io_ns: 9_247_011_087_720,
    other_cnt: 1409,
    read_byte_cnt: 979_383_912,
    read_cnt: 3741,
    read_ns: 33_788_355_744,
    resid_cnt: 19,
    write_byte_cnt: 1_496_246_784_000,
    write_cnt: 53_772_916,
    write_ns: 5_233_597_394_395,
  }))
    files[`sys/class/scsi_tape/st0/stats/${file}`] = `${value}\n`;
  files["sys/class/power_supply/PSU0/type"] = "Mains\n";
  files["sys/class/power_supply/PSU0/online"] = "1\n";
  files["sys/class/power_supply/PSU0/voltage_now"] = "12150000\n";
  files["sys/class/power_supply/PSU0/temp"] = "413\n";
  return files;
}

function kernelFiles(draw: Draw): Files {
  return {
    "proc/sys/fs/file-nr": `${draw(90_000)}\t0\t9223372036854775807\n`,
    "proc/sys/kernel/random/entropy_avail": "256\n",
    "proc/sys/kernel/random/poolsize": "256\n",
    "proc/sys/kernel/hung_task_detect_count": "2\n",
    "sys/class/watchdog/watchdog0/identity": "iTCO_wdt\n",
    "sys/class/watchdog/watchdog0/state": "active\n",
    "sys/class/watchdog/watchdog0/timeout": "30\n",
    "sys/class/watchdog/watchdog0/timeleft": "27\n",
  };
}

function boardFiles(): Files {
  return Object.fromEntries(
    Object.entries({
      bios_date: "03/14/2025",
      bios_vendor: "American Megatrends International, LLC.",
      bios_version: "1.05.20",
      board_name: "HGX-8",
      chassis_vendor: "Maker",
      product_name: "GPU server",
      sys_vendor: "Maker",
    }).map(([file, text]) => [`sys/class/dmi/id/${file}`, `${text}\n`]),
  );
}
