/** What is said once when a GPU is no longer there: a line of the log and an event. */
import type { GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import type { SourceContext } from "../source.ts";

export function reportLost(context: SourceContext, source: string, identity: GpuIdentity): void {
  const text = `GPU ${identity.index} (${identity.pciBusId}) no longer answers`;
  context.log.warn(text, { source, gpu: identity.uuid });
  context.events.report({
    timeMilliseconds: context.env.clock.now(),
    kind: "gpu_lost",
    device: identity.uuid,
    text,
    fields: { gpu: String(identity.index), pci_bus_id: identity.pciBusId },
  });
}
