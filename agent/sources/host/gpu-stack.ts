/** The state of the services that a GPU server rests on, asked of systemd over the system bus. */
import { stackServiceRestarts, stackServiceState } from "../../../core/catalog/gpu-stack.ts";
import type { Bus } from "../../dbus/bus.ts";
import type { Source } from "../source.ts";
import { openBusReader } from "./bus-reader.ts";
import type { Snapshot } from "./snapshot-reader.ts";
import {
  askEach,
  listUnits,
  missingSystemd,
  propertyOf,
  systemdName,
  unitStates,
} from "./systemd-units.ts";

const stackServices = [
  "nvidia-persistenced",
  "nvidia-fabricmanager",
  "nvidia-dcgm",
  "kubelet",
  "slurmd",
  "containerd",
  "docker",
  "crio",
];
const suffix = ".service";

export const gpuStackSource: Source = {
  name: "gpu_stack",
  metrics: [stackServiceState, stackServiceRestarts],
  sampling: "steady",
  open({ env }, signal) {
    return openBusReader(
      env,
      {
        name: systemdName,
        missing: missingSystemd,
        nothing: `systemd has no unit of ${stackServices.join(", ")}`,
        ask: askServices,
      },
      signal,
    );
  },
};

async function askServices(bus: Bus, signal: AbortSignal): Promise<Snapshot> {
  const names = stackServices.map((name) => name + suffix);
  const units = (await listUnits(bus, signal, names)).filter(({ isLoaded }) => isLoaded);
  const restarts = await askEach(units, ({ path }) =>
    propertyOf(bus, path, "Service", "NRestarts", signal),
  );
  signal.throwIfAborted();
  return (add) =>
    units.forEach(({ name, state }, index) => {
      const service = name.slice(0, -suffix.length);
      for (const one of unitStates)
        add(stackServiceState, { service, state: one }, one === state ? 1 : 0);
      const count = restarts[index];
      if (typeof count === "number") add(stackServiceRestarts, { service }, count);
    });
}
