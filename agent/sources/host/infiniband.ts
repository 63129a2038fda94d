/** Ports of RDMA adapters from /sys/class/infiniband, as the kernel's ABI documents sysfs-class-infiniband and the drivers' have it. */
import { join } from "node:path";
import { infinibandInfo, infinibandPort } from "../../../core/catalog/fabric.ts";
import type { FamilyForm, Metric } from "../../../core/catalog/metric.ts";
import type { Device } from "../../../core/catalog/device.ts";
import * as rdma from "../../../core/catalog/rdma.ts";
import type { Source } from "../source.ts";
import { partOf } from "./device.ts";
import type { ValueOptions } from "./listed-entry.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import type { HostOptions } from "./options.ts";
import { missing } from "./missing.ts";

/** Folder of a port → file → key of the metric. Counts of data are in units of four bytes. */
const counters: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  counters: {
    VL15_dropped: "vl15_dropped_total",
    excessive_buffer_overrun_errors: "excessive_buffer_overrun_errors_total",
    link_downed: "link_downed_total",
    link_error_recovery: "link_error_recovery_total",
    local_link_integrity_errors: "local_link_integrity_errors_total",
    multicast_rcv_packets: "multicast_packets_received_total",
    multicast_xmit_packets: "multicast_packets_transmitted_total",
    port_rcv_constraint_errors: "port_constraint_errors_received_total",
    port_rcv_data: "port_data_received_bytes_total",
    port_rcv_discards: "port_discards_received_total",
    port_rcv_errors: "port_errors_received_total",
    port_rcv_packets: "port_packets_received_total",
    port_rcv_remote_physical_errors: "port_receive_remote_physical_errors_total",
    port_rcv_switch_relay_errors: "port_receive_switch_relay_errors_total",
    port_xmit_constraint_errors: "port_constraint_errors_transmitted_total",
    port_xmit_data: "port_data_transmitted_bytes_total",
    port_xmit_discards: "port_discards_transmitted_total",
    port_xmit_packets: "port_packets_transmitted_total",
    port_xmit_wait: "port_transmit_wait_total",
    symbol_error: "symbol_error_total",
    unicast_rcv_packets: "unicast_packets_received_total",
    unicast_xmit_packets: "unicast_packets_transmitted_total",
  },
  counters_ext: {
    port_multicast_rcv_packets: "legacy_multicast_packets_received_total",
    port_multicast_xmit_packets: "legacy_multicast_packets_transmitted_total",
    port_rcv_data_64: "legacy_data_received_bytes_total",
    port_rcv_packets_64: "legacy_packets_received_total",
    port_unicast_rcv_packets: "legacy_unicast_packets_received_total",
    port_unicast_xmit_packets: "legacy_unicast_packets_transmitted_total",
    port_xmit_data_64: "legacy_data_transmitted_bytes_total",
    port_xmit_packets_64: "legacy_packets_transmitted_total",
  },
  hw_counters: {
    duplicate_request: "duplicate_requests_packets_total",
    implied_nak_seq_err: "implied_nak_seq_errors_total",
    local_ack_timeout_err: "local_ack_timeout_errors_total",
    np_cnp_sent: "np_cnp_packets_sent_total",
    np_ecn_marked_roce_packets: "np_ecn_marked_roce_packets_received_total",
    out_of_buffer: "out_of_buffer_drops_total",
    out_of_sequence: "out_of_sequence_packets_received_total",
    packet_seq_err: "packet_sequence_errors_total",
    req_cqe_error: "req_cqes_errors_total",
    req_cqe_flush_error: "req_cqes_flush_errors_total",
    req_remote_access_errors: "req_remote_access_errors_total",
    req_remote_invalid_request: "req_remote_invalid_request_errors_total",
    resp_cqe_error: "resp_cqes_errors_total",
    resp_cqe_flush_error: "resp_cqes_flush_errors_total",
    resp_local_length_error: "resp_local_length_errors_total",
    resp_remote_access_errors: "resp_remote_access_errors_total",
    rnr_nak_retry_err: "rnr_nak_retry_packets_received_total",
    roce_adp_retrans: "roce_adp_retransmits_total",
    roce_adp_retrans_to: "roce_adp_retransmits_timeout_total",
    roce_slow_restart: "roce_slow_restart_used_total",
    roce_slow_restart_cnps: "roce_slow_restart_cnps_total",
    roce_slow_restart_trans: "roce_slow_restart_total",
    rp_cnp_handled: "rp_cnp_packets_handled_total",
    rp_cnp_ignored: "rp_cnp_ignored_packets_received_total",
    rx_atomic_requests: "rx_atomic_requests_total",
    rx_dct_connect: "rx_dct_connect_requests_total",
    rx_icrc_encapsulated: "rx_icrc_encapsulated_errors_total",
    rx_read_requests: "rx_read_requests_total",
    rx_write_requests: "rx_write_requests_total",
  },
};
/**
 * What goes by a name of ours too, whatever the driver calls it: mlx5 as NVIDIA's "Understanding mlx5 counters" has them,
 * bnxt_re and irdma as the kernel's drivers list them. Of two files for one metric the first counts.
 */
const sharedNames: Readonly<Record<string, Metric<"device" | "port">>> = {
  np_cnp_sent: rdma.cnpSent,
  tx_cnp_pkts: rdma.cnpSent,
  cnpSent: rdma.cnpSent,
  rp_cnp_handled: rdma.cnpHandled,
  rx_cnp_pkts: rdma.cnpHandled,
  cnpHandled: rdma.cnpHandled,
  rp_cnp_ignored: rdma.cnpIgnored,
  cnpIgnored: rdma.cnpIgnored,
  np_ecn_marked_roce_packets: rdma.ecnMarked,
  rx_ecn_marked_pkts: rdma.ecnMarked,
  RxECNMrkd: rdma.ecnMarked,
  out_of_sequence: rdma.outOfSequence,
  oos_drop_count: rdma.outOfSequence,
  packet_seq_err: rdma.sequenceErrors,
  seq_err_naks_rcvd: rdma.sequenceErrors,
  implied_nak_seq_err: rdma.impliedSequenceErrors,
  duplicate_request: rdma.duplicateRequests,
  dup_req: rdma.duplicateRequests,
  rnr_nak_retry_err: rdma.receiverNotReady,
  rnr_naks_rcvd: rdma.receiverNotReady,
  local_ack_timeout_err: rdma.acknowledgementTimeouts,
  to_retransmits: rdma.retransmits,
  RetransSegs: rdma.retransmits,
  tcpRetransSegs: rdma.retransmits,
  roce_adp_retrans: rdma.adaptiveRetransmits,
  roce_adp_retrans_to: rdma.adaptiveRetransmitTimeouts,
  roce_slow_restart: rdma.slowRestarts,
  req_transport_retries_exceeded: rdma.retriesExceeded,
  max_retry_exceeded: rdma.retriesExceeded,
  out_of_buffer: rdma.bufferDrops,
  rx_out_of_buffer: rdma.bufferDrops,
};
const bytesPerDataUnit = 4;
const dataFile = /_data(_64)?$/;
const gauge: FamilyForm = { kind: "gauge" };

export function createInfinibandSource({ keepsDevice }: HostOptions["infiniband"]): Source {
  return {
    name: "infiniband",
    metrics: [infinibandInfo, infinibandPort, ...Object.values(rdma)],
    sampling: "steady",
    open({ env, host }) {
      const folder = join(env.paths.sysfs, "class/infiniband");
      return openListedReader({
        clock: env.clock,
        relistMilliseconds: 60_000,
        fromHardware: true,
        absent: missing("infiniband", env.paths, folder),
        list(listing) {
          for (const name of listing.folder(folder).filter(keepsDevice))
            listAdapter(listing, folder, name, host);
        },
      });
    },
  };
}

function listAdapter(listing: Listing, folder: string, name: string, host: Device): void {
  const adapter = join(folder, name);
  const part = partOf(host, "nic", name);
  const labels = {
    device: name,
    board_id: listing.text(join(adapter, "board_id")),
    firmware_version: listing.text(join(adapter, "fw_ver")),
    hca_type: listing.text(join(adapter, "hca_type")),
  };
  listing.fact(infinibandInfo, labels, 1, part);
  for (const port of listing.folder(join(adapter, "ports"), /^\d+$/)) {
    const own = join(adapter, "ports", port);
    const add = (file: string, key: string, form: FamilyForm, options: ValueOptions) =>
      listing.value(
        join(own, file),
        infinibandPort.metric(key, form),
        { device: name, port },
        {
          ...options,
          device: part,
        },
      );
    add("state", "state_id", gauge, { parse: parseState });
    add("phys_state", "physical_state_id", gauge, { parse: parseState });
    add("rate", "rate_bytes_per_second", gauge, { parse: parseRate });
    add("hw_counters/lifespan", "lifespan_seconds", gauge, {
      // In whole seconds, as node_exporter gives it.
      parse: (text) => Math.floor(Number(text) / 1000),
      settled: true,
    });
    const named = new Set<Metric>();
    for (const [group, files] of Object.entries(counters))
      for (const file of listing.folder(join(own, group))) {
        const key = files[file];
        const shared = group === "hw_counters" ? sharedNames[file] : undefined;
        const ours = shared === undefined || named.has(shared) ? undefined : shared;
        if (ours) named.add(ours);
        const path = join(own, group, file);
        const place = { device: name, port };
        if (key !== undefined)
          listing.value(path, infinibandPort.metric(key), place, {
            device: part,
            ...(dataFile.test(file) ? { multiplier: bytesPerDataUnit } : {}),
            ...(ours ? { twin: (slots) => slots.slot(ours, place, part) } : {}),
          });
        else if (ours) listing.value(path, ours, place, { device: part });
      }
  }
}

/** `4: ACTIVE` */
function parseState(text: string): number {
  return Number(/^(\d+):/.exec(text)?.[1] ?? Number.NaN);
}

/** `100 Gb/sec (4X EDR)` in bytes per second. */
function parseRate(text: string): number {
  const gigabits = Number(/^([\d.]+) /.exec(text)?.[1] ?? Number.NaN);
  return Math.floor(gigabits * 125_000_000);
}
