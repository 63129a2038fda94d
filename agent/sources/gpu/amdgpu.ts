/** AMD GPUs through the files of the kernel's driver amdgpu: no library of ROCm, no rights beyond reading /sys. */
import { join } from "node:path";
import * as amd from "../../../core/catalog/gpu-amd.ts";
import * as gpus from "../../../core/catalog/gpu.ts";
import * as neutral from "../../../core/catalog/gpu-neutral.ts";
import { lost } from "../../../core/catalog/gpu-errors.ts";
import { gpuDevice, gpuLabels } from "../../../core/catalog/gpu-labels.ts";
import { openListedReader, type Listing } from "../host/listed-reader.ts";
import type { Source, SourceContext } from "../source.ts";
import { listErrors } from "./amdgpu-errors.ts";
import { listValues, type AmdGpu } from "./amdgpu-values.ts";
import {
  createCardRoster,
  isAsleep,
  listCards,
  type Card,
  type CardFacts,
  type CardRoster,
  type KnownCard,
} from "./drm-cards.ts";
import { reportLost } from "./lost.ts";

/** How often the cards are looked for, and what moves seldom is read. */
const relistMilliseconds = 15_000;

export function createAmdgpuSource(): Source {
  // Outlives a reader: a GPU that is gone stays missed.
  let roster: CardRoster | undefined;
  return {
    name: "amdgpu",
    sampling: "fast",
    metrics: [
      lost,
      gpus.info,
      gpus.fan,
      gpus.powerLimit,
      gpus.temperatureMargin,
      gpus.pcieWidth,
      gpus.pcieWidthMaximum,
      gpus.pcieGeneration,
      gpus.pcieGenerationMaximum,
      neutral.utilization,
      neutral.memoryUsed,
      neutral.memoryTotal,
      neutral.power,
      neutral.energy,
      neutral.temperature,
      neutral.clock,
      neutral.errors,
      ...Object.values(amd),
    ],
    open(context) {
      const { env, host } = context;
      const known = (roster ??= createCardRoster(host.node, (gone) =>
        reportLost(context, "amdgpu", gone),
      ));
      return openListedReader({
        clock: env.clock,
        relistMilliseconds,
        fromHardware: true,
        absent: `no card under ${join(env.paths.sysfs, "class/drm")} has the driver amdgpu`,
        list: (listing) => listGpus(listing, context, known),
      });
    },
  };
}

function listGpus(listing: Listing, context: SourceContext, roster: CardRoster): void {
  const { sysfs } = context.env.paths;
  const version = listing.text(join(sysfs, "module/amdgpu/version"));
  const cards = listCards(listing, sysfs, ["amdgpu"], (card) =>
    describeCard(listing, card, version),
  );
  const known = roster.take(cards);
  if (known.length > 0) listing.fact(amd.nodes, { hostname: context.host.node }, cards.length);
  for (const each of known) listGpu(listing, context, each);
}

/** The unique number as ROCm's runtime writes it (`ROCR_VISIBLE_DEVICES=GPU-…`); chips without one go by their place. */
function describeCard(
  listing: Listing,
  card: Omit<Card, keyof CardFacts>,
  driverVersion: string,
): CardFacts {
  const text = (name: string): string => listing.text(join(card.device, name));
  const unique = text("unique_id");
  return {
    uuid: unique === "" ? card.address : `GPU-${unique}`,
    model: text("product_name") || `AMD ${card.pciId}`,
    serial: text("serial_number"),
    vbiosVersion: text("vbios_version"),
    driverVersion,
  };
}

function listGpu(
  listing: Listing,
  context: SourceContext,
  { card, identity, isThere }: KnownCard,
): void {
  const as = gpuDevice(identity, context.host.place);
  const own = gpuLabels(identity);
  const facts = {
    ...own,
    pci_bus_id: identity.pciBusId,
    model: card.model,
    serial: card.serial,
    driver_version: card.driverVersion,
    vbios_version: card.vbiosVersion,
  };
  listing.fact(gpus.info, facts, 1, as);
  listing.fact(lost, own, isThere ? 0 : 1, as);
  if (!isThere || isAsleep(listing, card)) return;
  const partition = (name: string): string =>
    listing.text(join(card.device, `current_${name}_partition`)).toLowerCase();
  const gpu: AmdGpu = {
    card,
    identity,
    as,
    labels: neutral.neutralLabels(identity, "amd"),
    exporterLabels: {
      gpu_id: String(identity.index),
      card_model: listing.text(join(card.device, "product_number")) || card.model,
      gpu_partition_id: "0",
      gpu_compute_partition_type: partition("compute"),
      gpu_memory_partition_type: partition("memory"),
      serial_number: card.serial,
      hostname: identity.node,
    },
  };
  listValues(listing, gpu);
  listErrors(listing, gpu);
}
