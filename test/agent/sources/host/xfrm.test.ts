import { expect, test } from "vitest";
import { xfrmSource } from "../../../../agent/sources/host/xfrm.ts";
import { drive, openOutcome } from "./drive.ts";

test("tells the failures that node_exporter names, and leaves newer ones out", async () => {
  const host = await drive(xfrmSource, {
    "proc/net/xfrm_stat":
      "XfrmInError             \t3\nXfrmInNoPols            \t5\nXfrmFwdHdrError         \t7\nXfrmInIptfsError        \t9\n",
  });
  expect(Object.fromEntries(await host.read())).toEqual({
    node_xfrm_in_error_packets_total: 3,
    node_xfrm_in_no_pols_packets_total: 5,
    node_xfrm_fwd_hdr_error_packets_total: 7,
  });
});

test("is absent where the kernel doesn't count", async () => {
  expect(await openOutcome(xfrmSource, {})).toMatch(/CONFIG_XFRM_STATISTICS/);
});
