/** What a GPU server shows to the families that are off by default: zones, nodes, slabs, interrupts, processes, settings. */
import { createRandom } from "../kit/random.ts";
import type { HostTree } from "./tree.ts";

type Draw = (limit: number) => number;
type Files = Record<string, string | null>;

export interface OptionalOptions {
  readonly processors?: number;
  readonly interrupts?: number;
  readonly processes?: number;
}

export function gpuServerOptional(options: OptionalOptions = {}): HostTree {
  const { processors = 64, interrupts = 120, processes = 40 } = options;
  const random = createRandom(7);
  const draw: Draw = (limit) => random.below(limit);
  return {
    ...interruptFiles(processors, interrupts, draw),
    ...zoneFiles(draw),
    ...nodeFiles(draw),
    ...slabFile(draw),
    ...mergingFiles(draw),
    ...processFiles(processes, draw),
    ...settingFiles(),
    ...processorFile(processors),
  };
}

function interruptFiles(processors: number, lines: number, draw: Draw): Files {
  const columns = Array.from({ length: processors }, (_, cpu) => cpu);
  const heading = `           ${columns.map((cpu) => `CPU${cpu}`.padEnd(11)).join("")}\n`;
  const counts = (limit: number): string =>
    columns.map(() => ` ${String(draw(3) === 0 ? draw(limit) : 0).padStart(10)}`).join("");
  const numbered = Array.from(
    { length: lines },
    (_, line) =>
      `${String(line + 24).padStart(4)}:${counts(1e9)}  IR-PCI-MSIX-0000:${(line % 250).toString(16).padStart(2, "0")}:00.0    ${line}-edge      ${line % 3 === 0 ? `nvme${line}q0` : `mlx5_comp${line}@pci:0000:18:00.0, shared`}\n`,
  );
  const named = [
    ["NMI", "Non-maskable interrupts"],
    ["LOC", "Local timer interrupts"],
    ["MCP", "Machine check polls"],
  ].map(([name, words]) => `${name}:${counts(4e9)}   ${words}\n`);
  const whole = ["ERR", "MIS"].map((name) => `${name}:${String(0).padStart(11)}\n`);
  const kinds = "HI TIMER NET_TX NET_RX BLOCK IRQ_POLL TASKLET SCHED HRTIMER RCU".split(" ");
  const deferred = kinds.map((kind) => `${`${kind}:`.padStart(13)}${counts(1e8)}\n`);
  return {
    "proc/interrupts": [heading, ...numbered, ...named, ...whole].join(""),
    "proc/softirqs": `          ${heading}${deferred.join("")}`,
  };
}

const zones = [
  ["0", "DMA"],
  ["0", "DMA32"],
  ["0", "Normal"],
  ["1", "Normal"],
] as const;
const nodeCounts =
  "nr_inactive_anon nr_active_anon nr_inactive_file nr_active_file nr_unevictable nr_slab_reclaimable nr_slab_unreclaimable nr_isolated_anon nr_isolated_file workingset_nodes nr_anon_pages nr_mapped nr_file_pages nr_dirty nr_writeback nr_shmem nr_anon_transparent_hugepages nr_dirtied nr_written nr_kernel_stack nr_page_table_pages";
const zoneCounts =
  "nr_free_pages nr_zone_inactive_anon nr_mlock nr_bounce numa_hit numa_miss numa_foreign numa_interleave numa_local numa_other";

function zoneFiles(draw: Draw): Files {
  const pages = (names: string): string =>
    names
      .split(" ")
      .map((name) => `      ${name.padEnd(12)} ${draw(1e9)}\n`)
      .join("");
  const told = zones.map(([node, zone], index) => {
    const isFirst = zones.findIndex((one) => one[0] === node) === index;
    const marks = "boost min low high spanned present managed cma"
      .split(" ")
      .map((name) => `        ${name.padEnd(8)} ${draw(1e7)}\n`)
      .join("");
    const sets = [0, 1].map(
      (cpu) =>
        `    cpu: ${cpu}\n              count:    ${draw(400)}\n              high:     378\n              batch:    63\n  vm stats threshold: 72\n`,
    );
    return `Node ${node}, zone ${zone.padStart(8)}\n${isFirst ? `  per-node stats\n${pages(nodeCounts)}` : ""}  pages free     ${draw(1e7)}\n${marks}        protection: (0, ${draw(9999)}, ${draw(9999)}, ${draw(9999)}, 0)\n${pages(zoneCounts)}  pagesets\n${sets.join("")}  node_unreclaimable:  0\n  start_pfn:           ${draw(1e6)}\n`;
  });
  const blocks = zones.map(
    ([node, zone]) =>
      `Node ${node}, zone ${zone.padStart(8)} ${Array.from({ length: 11 }, () => String(draw(90_000)).padStart(6)).join(" ")} \n`,
  );
  return { "proc/zoneinfo": told.join(""), "proc/buddyinfo": blocks.join("") };
}

function nodeFiles(draw: Draw): Files {
  const files: Files = { "sys/devices/system/node/online": "0-1\n" };
  const sizes = ["MemTotal", "MemFree", "MemUsed", "Active(anon)", "Inactive(file)", "SUnreclaim"];
  for (const node of [0, 1]) {
    const folder = `sys/devices/system/node/node${node}`;
    const lines = sizes.map(
      (name) => `Node ${node} ${`${name}:`.padEnd(15)} ${String(draw(2e9)).padStart(8)} kB\n`,
    );
    files[`${folder}/meminfo`] =
      `\n${lines.join("")}Node ${node} HugePages_Total:  ${draw(64)}\nNode ${node} HugePages_Free:   ${draw(64)}\n`;
    files[`${folder}/numastat`] =
      "numa_hit numa_miss numa_foreign interleave_hit local_node other_node"
        .split(" ")
        .map((name) => `${name} ${draw(1e12)}\n`)
        .join("");
  }
  return files;
}

function slabFile(draw: Draw): Files {
  const names = "nvidia_stack_cache ext4_inode_cache :A-0000256 kmalloc-rnd-01-8k dm_bufio-8";
  const rows = names.split(" ").map((name) => {
    const [active, all, size, objects, pages] = [1e6, 1e6, 8192, 64, 8].map((limit) => draw(limit));
    return `${name.padEnd(17)} ${active} ${all} ${size} ${objects} ${pages} : tunables    0    0    0 : slabdata ${draw(1e5)} ${draw(1e5)}      0\n`;
  });
  return {
    "proc/slabinfo": `slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n${rows.join("")}`,
  };
}

function mergingFiles(draw: Draw): Files {
  const names =
    "full_scans merge_across_nodes pages_shared pages_sharing pages_to_scan pages_unshared pages_volatile run sleep_millisecs";
  return Object.fromEntries(
    names.split(" ").map((name) => [`sys/kernel/mm/ksm/${name}`, `${draw(5000)}\n`]),
  );
}

/** Some with threads, one with a name that is meant to mislead, a zombie, a kernel thread. */
function processFiles(processes: number, draw: Draw): Files {
  const files: Files = {
    "proc/sys/kernel/threads-max": "8254820\n",
    "proc/sys/kernel/pid_max": "4194304\n",
  };
  const states = "SSSSRDIZ";
  const stat = (id: number, name: string, state: string, threads: number): string =>
    `${id} (${name}) ${state} 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 ${threads} 0 13${" 0".repeat(30)}\n`;
  for (let id = 1; id <= processes; id += 1) {
    const state = states[draw(states.length)] ?? "S";
    const threads = id % 4 === 0 ? 3 : 1;
    const name = id === 5 ? "a) R 1 (b" : `worker/${id}`;
    files[`proc/${id}/stat`] = stat(id, name, state, threads);
    for (let thread = 0; thread < threads; thread += 1) {
      const own = thread === 0 ? id : 10_000 + id * 10 + thread;
      files[`proc/${id}/task/${own}/stat`] = stat(own, name, thread === 0 ? state : "S", threads);
    }
  }
  return files;
}

function settingFiles(): Files {
  return {
    "proc/cgroups":
      "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t0\t412\t1\ncpu\t0\t412\t1\nmemory\t0\t412\t1\nnet_prio\t0\t412\t0\n",
    "proc/sys/fs/file-nr": "17568\t0\t9223372036854775807\n",
    "proc/sys/vm/swappiness": "10\n",
    "proc/sys/kernel/seccomp/actions_avail": "kill_process kill_thread trap\n",
  };
}

function processorFile(processors: number): Files {
  const blocks = Array.from(
    { length: processors },
    (_, cpu) =>
      `processor\t: ${cpu}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R) Platinum 8480C\nstepping\t: 8\nmicrocode\t: 0x2b000571\ncpu MHz\t\t: ${2000 + cpu}.125\ncache size\t: 107520 KB\nphysical id\t: ${cpu % 2}\nsiblings\t: ${processors / 2}\ncore id\t\t: ${cpu >> 1}\ncpu cores\t: ${processors / 2}\napicid\t\t: ${cpu}\nfpu\t\t: yes\nflags\t\t: fpu vme avx avx2 amx_tile aes\nbugs\t\t: spectre_v1 spectre_v2 mds\nbogomips\t: 4000.00\npower management:\n`,
  );
  return { "proc/cpuinfo": `${blocks.join("\n")}\n` };
}
