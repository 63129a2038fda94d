/** Intel GPUs through the files of the kernel's drivers i915 and xe; names as the kernel's sysfs-driver-intel-i915-hwmon, sysfs-driver-intel-xe-hwmon and xe's GT documents have them. */
import { join } from "node:path";
import { lost, throttleActive } from "../../../core/catalog/gpu-errors.ts";
import { gpuDevice, gpuLabels } from "../../../core/catalog/gpu-labels.ts";
import * as gpus from "../../../core/catalog/gpu.ts";
import * as neutral from "../../../core/catalog/gpu-neutral.ts";
import { openListedReader, type Listing } from "../host/listed-reader.ts";
import type { Source, SourceContext } from "../source.ts";
import {
  createCardRoster,
  isAsleep,
  listCards,
  type CardRoster,
  type KnownCard,
} from "./drm-cards.ts";
import { listIntelValues } from "./intel-values.ts";
import { reportLost } from "./lost.ts";

const relistMilliseconds = 15_000;

export function createIntelGpuSource(): Source {
  // Outlives a reader: a GPU that is gone stays missed.
  let roster: CardRoster | undefined;
  return {
    name: "intel_gpu",
    sampling: "fast",
    metrics: [
      lost,
      throttleActive,
      gpus.info,
      gpus.powerLimit,
      gpus.temperatureMargin,
      neutral.memoryTotal,
      neutral.power,
      neutral.energy,
      neutral.temperature,
      neutral.clock,
    ],
    open(context) {
      const { env, host } = context;
      const known = (roster ??= createCardRoster(host.node, (gone) =>
        reportLost(context, "intel_gpu", gone),
      ));
      return openListedReader({
        clock: env.clock,
        relistMilliseconds,
        fromHardware: true,
        absent: `no card under ${join(env.paths.sysfs, "class/drm")} has the driver i915 or xe`,
        list(listing) {
          // These have no number of their own: they go by their place.
          const cards = listCards(listing, env.paths.sysfs, ["i915", "xe"], (card) => ({
            uuid: card.address,
            model: `Intel ${card.pciId}`,
            serial: "",
            vbiosVersion: "",
            driverVersion: "",
          }));
          for (const each of known.take(cards)) listGpu(listing, context, each);
        },
      });
    },
  };
}

function listGpu(listing: Listing, context: SourceContext, known: KnownCard): void {
  const { card, identity, isThere } = known;
  const as = gpuDevice(identity, context.host.place);
  const own = gpuLabels(identity);
  const facts = {
    ...own,
    pci_bus_id: identity.pciBusId,
    model: card.model,
    serial: "",
    driver_version: "",
    vbios_version: "",
  };
  listing.fact(gpus.info, facts, 1, as);
  listing.fact(lost, own, isThere ? 0 : 1, as);
  if (!isThere || isAsleep(listing, card)) return;
  const labels = neutral.neutralLabels(identity, "intel");
  listIntelValues(listing, { card, identity, as, labels, clock: context.env.clock });
}
