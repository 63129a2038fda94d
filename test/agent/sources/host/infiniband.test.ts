import { expect, test } from "vitest";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const infiniband = sourceNamed("infiniband");
const port = "sys/class/infiniband/mlx5_0/ports/1";

test("gives states, rate and counts of a port; one counter that can't be told leaves the others", async () => {
  const samples = await (
    await drive(infiniband, {
      "sys/class/infiniband/mlx5_0/fw_ver": "28.39\n",
      [`${port}/state`]: "4: ACTIVE\n",
      [`${port}/phys_state`]: "nonsense\n",
      [`${port}/rate`]: "2.5 Gb/sec (1X SDR)\n",
      [`${port}/counters/port_xmit_data`]: "25\n",
      [`${port}/counters/symbol_error`]: "N/A (no PMA)\n",
      [`${port}/counters/unheard_of`]: "1\n",
      [`${port}/hw_counters/np_cnp_sent`]: "9\n",
    })
  ).read();
  expect(Object.fromEntries(samples)).toEqual({
    'node_infiniband_info{board_id="",device="mlx5_0",firmware_version="28.39",hca_type=""}': 1,
    'node_infiniband_state_id{device="mlx5_0",port="1"}': 4,
    'node_infiniband_rate_bytes_per_second{device="mlx5_0",port="1"}': 312_500_000,
    'node_infiniband_port_data_transmitted_bytes_total{device="mlx5_0",port="1"}': 100,
    'node_infiniband_np_cnp_packets_sent_total{device="mlx5_0",port="1"}': 9,
    'warpwatch_rdma_cnp_sent_total{device="mlx5_0",port="1"}': 9,
  });
});

test("is absent where there is no adapter", async () => {
  expect(await openOutcome(infiniband, { "sys/devices": null })).toMatch(
    /its driver .* isn't loaded \(CONFIG_INFINIBAND\)/,
  );
});
