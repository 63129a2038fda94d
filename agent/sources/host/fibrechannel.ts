/** Ports of Fibre Channel adapters from /sys/class/fc_host, as the kernel's drivers/scsi/scsi_transport_fc.c shows them. */
import { join } from "node:path";
import { fibreChannelInfo, fibreChannelPort } from "../../../core/catalog/fabric.ts";
import type { Source } from "../source.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import { missing } from "./missing.ts";

/** File under statistics and key of the metric; the files give hexadecimal numbers. */
const counters: Readonly<Record<string, string>> = {
  dumped_frames: "dumped_frames_total",
  error_frames: "error_frames_total",
  fcp_packet_aborts: "fcp_packet_aborts_total",
  invalid_crc_count: "invalid_crc_total",
  invalid_tx_word_count: "invalid_tx_words_total",
  link_failure_count: "link_failure_total",
  loss_of_signal_count: "loss_of_signal_total",
  loss_of_sync_count: "loss_of_sync_total",
  nos_count: "nos_total",
  rx_frames: "rx_frames_total",
  rx_words: "rx_words_total",
  seconds_since_last_reset: "seconds_since_last_reset_total",
  tx_frames: "tx_frames_total",
  tx_words: "tx_words_total",
};

export const fibrechannelSource: Source = {
  name: "fibrechannel",
  metrics: [fibreChannelInfo, fibreChannelPort],
  sampling: "steady",
  open({ env }) {
    const folder = join(env.paths.sysfs, "class/fc_host");
    return openListedReader({
      clock: env.clock,
      relistMilliseconds: 60_000,
      absent: missing("fibrechannel", env.paths, folder),
      list(listing) {
        for (const name of listing.folder(folder)) listHost(listing, join(folder, name), name);
      },
    });
  },
};

function listHost(listing: Listing, folder: string, name: string): void {
  const text = (file: string): string => listing.text(join(folder, file));
  const bare = (file: string): string => text(file).replace(/^0x/, "");
  listing.fact(fibreChannelInfo, {
    fc_host: name,
    speed: text("speed"),
    port_state: listing.text(join(folder, "port_state"), "watched"),
    port_type: text("port_type"),
    port_id: bare("port_id"),
    port_name: bare("port_name"),
    fabric_name: bare("fabric_name"),
    symbolic_name: text("symbolic_name"),
    supported_classes: text("supported_classes"),
    supported_speeds: text("supported_speeds"),
    dev_loss_tmo: text("dev_loss_tmo"),
  });
  const statistics = join(folder, "statistics");
  for (const [file, key] of Object.entries(counters))
    listing.value(join(statistics, file), fibreChannelPort.metric(key), { fc_host: name });
}
