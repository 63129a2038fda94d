/** NFS mounts from /proc/<pid>/mountstats, as the kernel's fs/nfs/super.c and net/sunrpc/stats.c print it: a block of lines per mount. */
import { join } from "node:path";
import type { FamilyForm, LabelValues, Metric } from "../../../core/catalog/metric.ts";
import {
  mountpointInfo,
  mountStatistic,
  operationStatistic,
  transportStatistic,
} from "../../../core/catalog/mountstats.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile, type KeptFile } from "./kept-file.ts";
import { decodeName } from "./line-table.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";

interface NfsMount {
  readonly export: string;
  readonly mountpoint: string;
  age: number;
  events: readonly number[];
  bytes: readonly number[];
  readonly transports: { readonly protocol: string; readonly numbers: readonly number[] }[];
  readonly operations: { readonly name: string; readonly numbers: readonly number[] }[];
}

/** Null for what isn't told; the kernel's number is divided. */
type Column<Label extends string> = readonly [Metric<Label> | null, number];

const bytes: FamilyForm = { unit: "bytes" };
const seconds: FamilyForm = { unit: "seconds" };
const gauge: FamilyForm = { kind: "gauge" };
const millisecondsPerSecond = 1000;

/** In the order of the columns; the kernel no longer counts what has no name. */
const eventColumns = split(
  "inode_revalidate dnode_revalidate data_invalidate attribute_invalidate vfs_open vfs_lookup vfs_access vfs_update_page vfs_read_page vfs_read_pages vfs_write_page vfs_write_pages vfs_getdents vfs_setattr vfs_flush vfs_fsync vfs_lock vfs_file_release - truncation write_extension silly_rename short_read short_write jukebox_delay pnfs_read pnfs_write",
).map((key): Column<"export" | "protocol" | "mountaddr"> => [
  key === "-" ? null : mountStatistic.metric(`event_${key}_total`),
  1,
]);
const byteColumns = split(
  "read_bytes write_bytes direct_read_bytes direct_write_bytes total_read_bytes total_write_bytes read_pages write_pages",
).map((key): Column<"export" | "protocol" | "mountaddr"> => [
  mountStatistic.metric(`${key}_total`, key.endsWith("bytes") ? bytes : {}),
  1,
]);
const operationColumns: readonly Column<"export" | "protocol" | "mountaddr" | "operation">[] = [
  [operationStatistic.metric("requests_total"), 1],
  [operationStatistic.metric("transmissions_total"), 1],
  [operationStatistic.metric("major_timeouts_total"), 1],
  [operationStatistic.metric("sent_bytes_total", bytes), 1],
  [operationStatistic.metric("received_bytes_total", bytes), 1],
  [operationStatistic.metric("queue_time_seconds_total", seconds), millisecondsPerSecond],
  [operationStatistic.metric("response_time_seconds_total", seconds), millisecondsPerSecond],
  [operationStatistic.metric("request_time_seconds_total", seconds), millisecondsPerSecond],
];
/** Of TCP; UDP lacks the three columns about connecting. */
const transportColumns: readonly Column<"export" | "protocol" | "mountaddr" | "transport">[] = [
  [null, 1],
  [transportStatistic.metric("bind_total"), 1],
  [transportStatistic.metric("connect_total"), 1],
  [null, 1],
  [transportStatistic.metric("idle_time_seconds", { ...gauge, ...seconds }), 1],
  [transportStatistic.metric("sends_total"), 1],
  [transportStatistic.metric("receives_total"), 1],
  [transportStatistic.metric("bad_transaction_ids_total"), 1],
  [null, 1],
  [transportStatistic.metric("backlog_queue_total"), 1],
  [transportStatistic.metric("maximum_rpc_slots", gauge), 1],
  [transportStatistic.metric("sending_queue_total"), 1],
  [transportStatistic.metric("pending_queue_total"), 1],
];
const connectingColumns = { first: 2, count: 3 };
const commonTransportColumns = 10;

export const mountstatsSource: Source = {
  name: "mountstats",
  metrics: [mountpointInfo, mountStatistic, operationStatistic, transportStatistic],
  sampling: "steady",
  open({ env }) {
    const files = openTables(env.paths.procfs);
    if (!files) return absent(`neither 1/mountstats nor self/mountstats is in ${env.paths.procfs}`);
    const [statistics, table] = files;
    if (parseMounts(readText(statistics)).length === 0) {
      closeBoth(files);
      return absent(`${statistics.path} tells of no NFS mount`);
    }
    return createSampleReader(
      (add) => {
        const addresses = readAddresses(readText(table));
        const told = new Set<string>();
        for (const mount of parseMounts(readText(statistics)))
          addMount(add, mount, addresses.get(mount.mountpoint) ?? "", told);
      },
      () => closeBoth(files),
    );
  },
};

/** Process 1 sees the host's mounts even where this process doesn't; it may be hidden or not ours to read. */
function openTables(procfs: string): readonly [KeptFile, KeptFile] | null {
  for (const process of ["1", "self"]) {
    const statistics = openQuietly(join(procfs, process, "mountstats"));
    const table = openQuietly(join(procfs, process, "mountinfo"));
    if (statistics && table) return [statistics, table];
    statistics?.close();
    table?.close();
  }
  return null;
}

function closeBoth(files: readonly [KeptFile, KeptFile]): void {
  for (const file of files) file.close();
}

function openQuietly(path: string): KeptFile | null {
  try {
    return openKeptFile(path, { initialBytes: 16_384 });
  } catch {
    return null;
  }
}

function readText(file: KeptFile): string {
  file.read();
  return file.bytes.toString("latin1", 0, file.length);
}

/** Mount point → address of its server, which only mountinfo's options of the filesystem have. */
function readAddresses(text: string): Map<string, string> {
  return new Map(
    text.split("\n").flatMap((line): [string, string][] => {
      const [, , , , point = ""] = line.split(" ", 5);
      const address = / - \S+ \S+ (?:.*,)?addr=([^,\s]+)/.exec(line)?.[1];
      return address === undefined ? [] : [[point, address]];
    }),
  );
}

/** `device <export> mounted on <point> with fstype nfs4 statvers=1.1`, then its lines. */
function parseMounts(text: string): NfsMount[] {
  const mounts: NfsMount[] = [];
  let mount: NfsMount | null = null;
  let inOperations = false;
  for (const line of text.split("\n")) {
    const words = split(line.trim());
    const [first = "", second = ""] = words;
    if (first === "device") {
      inOperations = false;
      mount = startMount(words);
      if (mount) mounts.push(mount);
    } else if (mount === null) continue;
    else if (first === "per-op") inOperations = true;
    else if (inOperations && words.length > operationColumns.length)
      mount.operations.push({ name: first.replace(/:$/, ""), numbers: numbersOf(words.slice(1)) });
    else if (first === "age:") mount.age = Number(second);
    else if (first === "events:") mount.events = numbersOf(words.slice(1));
    else if (first === "bytes:") mount.bytes = numbersOf(words.slice(1));
    else if (first === "xprt:")
      mount.transports.push({
        protocol: second,
        numbers: transportNumbers(second, numbersOf(words.slice(2))),
      });
  }
  return mounts;
}

/** Null for what isn't NFS: no other filesystem tells anything here. */
function startMount(words: readonly string[]): NfsMount | null {
  const [, device = "", , , mountpoint = "", , , type = "", version = ""] = words;
  if (!/^nfs4?$/.test(type) || !version.startsWith("statvers=")) return null;
  return {
    export: device,
    mountpoint,
    age: Number.NaN,
    events: [],
    bytes: [],
    transports: [],
    operations: [],
  };
}

/** As TCP's columns; what an older kernel or another protocol lacks is zero, as in the original. */
function transportNumbers(protocol: string, numbers: readonly number[]): readonly number[] {
  const { first, count } = connectingColumns;
  const zeros = (length: number): number[] => Array.from({ length: Math.max(0, length) }, () => 0);
  const whole =
    protocol === "udp"
      ? [...numbers.slice(0, first), ...zeros(count), ...numbers.slice(first)]
      : // What follows the common columns is of RDMA alone.
        numbers.slice(0, protocol === "rdma" ? commonTransportColumns : transportColumns.length);
  return [...whole, ...zeros(transportColumns.length - whole.length)];
}

/** A mount of several points has its numbers told once. */
function addMount(add: AddSample, mount: NfsMount, address: string, told: Set<string>): void {
  const protocol = mount.transports[0]?.protocol;
  if (protocol === undefined) return;
  const labels = {
    export: decodeName(mount.export),
    protocol: decodeName(protocol),
    mountaddr: decodeName(address),
  };
  const mountpoint = decodeName(mount.mountpoint);
  const isNew = (...words: readonly string[]): boolean => {
    const key = words.join("\n");
    return !told.has(key) && told.add(key).size > 0;
  };
  if (isNew(...Object.values(labels), mountpoint))
    add(mountpointInfo, { ...labels, mountpoint }, 1);
  if (!isNew(...Object.values(labels))) return;
  add(mountStatistic.metric("age_seconds_total", seconds), labels, mount.age);
  addColumns(add, byteColumns, labels, mount.bytes);
  addColumns(add, eventColumns, labels, mount.events);
  mount.transports.forEach(({ numbers }, index) =>
    addColumns(add, transportColumns, { ...labels, transport: String(index) }, numbers),
  );
  const names = new Set<string>();
  for (const { name, numbers } of mount.operations) {
    if (names.has(name)) continue;
    names.add(name);
    addColumns(add, operationColumns, { ...labels, operation: decodeName(name) }, numbers);
  }
}

function addColumns<Label extends string>(
  add: AddSample,
  columns: readonly Column<Label>[],
  labels: LabelValues<Label>,
  numbers: readonly number[],
): void {
  columns.forEach(([metric, divisor], index) => {
    if (metric) add(metric, labels, (numbers[index] ?? Number.NaN) / divisor);
  });
}

function numbersOf(words: readonly string[]): number[] {
  return words.map((word) => (/^\d+$/.test(word) ? Number(word) : Number.NaN));
}

function split(text: string): string[] {
  return text.split(/\s+/);
}
