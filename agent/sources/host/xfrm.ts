/** Packets that IPsec dropped, from /proc/net/xfrm_stat, as the kernel's networking/xfrm_proc document has it: a name and a number per line. */
import { join } from "node:path";
import { transformFailure } from "../../../core/catalog/connections.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createTableReader } from "./table-reader.ts";

/** What node_exporter tells; newer kernels count more. */
const keptKeys: ReadonlySet<string> = new Set(
  "in_error in_buffer_error in_hdr_error in_no_states in_state_proto_error in_state_mode_error in_state_seq_error in_state_expired in_state_mismatch in_state_invalid in_tmpl_mismatch in_no_pols in_pol_block in_pol_error out_error out_bundle_gen_error out_bundle_check_error out_no_states out_state_proto_error out_state_mode_error out_state_seq_error out_state_expired out_pol_block out_pol_dead out_pol_error fwd_hdr_error out_state_invalid acquire_error".split(
    " ",
  ),
);

export const xfrmSource: Source = {
  name: "xfrm",
  metrics: [transformFailure],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "net/xfrm_stat");
    const file = openKeptFile(path);
    if (!file)
      return absent(`${path} isn't there: the kernel is built without CONFIG_XFRM_STATISTICS`);
    return createTableReader(file, {
      plan: (slots) => (line) => {
        const match = /^Xfrm(\w+)[ \t]+/.exec(line);
        if (!match) return null;
        const [whole, name = ""] = match;
        const key = snakeCase(name);
        return {
          keyBytes: whole.length,
          slots: keptKeys.has(key) ? [slots.slot(transformFailure.metric(key), {})] : [],
        };
      },
    });
  },
};

function snakeCase(name: string): string {
  return name.replaceAll(/(?!^)[A-Z]/g, "_$&").toLowerCase();
}
