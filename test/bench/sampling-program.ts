/**
 * An agent that nobody scrapes and that makes a frame each period all the same: the host's families, and eight GPUs of 80
 * series whose numbers cost nothing to get. Takes the period in milliseconds, a state folder, and the three `--path.*`.
 */
import { defaultAgentConfig } from "../../agent/config.ts";
import { chooseCollectors } from "../../agent/collector-flags.ts";
import { startAgent } from "../../agent/main.ts";
import { realSources } from "../../agent/sources/all.ts";
import type { Source } from "../../agent/sources/source.ts";
import { openMetric, type Metric } from "../../core/catalog/metric.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { comparedCollectors } from "../kit/node-exporter.ts";

const gpus = 8;
const seriesPerGpu = 80;

const [period, stateFolder = "", procfs = "", sysfs = "", rootfs = ""] = process.argv.slice(2);
const env = createEnv();
const families = Object.fromEntries(comparedCollectors.map((name) => [`collector.${name}`, true]));
const collectors = chooseCollectors({ "collector.disable-defaults": true, ...families });

await startAgent({
  env,
  log: createLog({ clock: env.clock, level: "error" }),
  config: {
    ...defaultAgentConfig,
    listen: { host: "127.0.0.1", port: 0 },
    stateFolder,
    paths: { procfs, sysfs, rootfs },
    sampling: {
      ...defaultAgentConfig.sampling,
      periodMilliseconds: {
        ...defaultAgentConfig.sampling.periodMilliseconds,
        fast: Number(period),
      },
    },
    collectors,
  },
  sources: [...realSources(collectors), createGpuStandIn()],
  frameSinks: [{ accept: () => undefined }],
});

function createGpuStandIn(): Source {
  const metrics = Array.from({ length: seriesPerGpu }, (_, index): Metric<"gpu"> => {
    const metric = openMetric(`bench_gpu_${index}`, "gauge", "A number that moves.");
    return { ...metric, labels: ["gpu"] };
  });
  let round = 0;
  return {
    name: "gpu_stand_in",
    sampling: "fast",
    metrics,
    open: () => ({
      register(slots) {
        for (let gpu = 0; gpu < gpus; gpu += 1)
          for (const metric of metrics) slots.slot(metric, { gpu: String(gpu) });
      },
      read(column) {
        round += 1;
        for (let slot = 0; slot < column.length; slot += 1) column[slot] = round + slot;
      },
      close: () => undefined,
    }),
  };
}
