/** Moves a fleet on with the agent's clock, and answers as a node that is cut off would: not at all. */
import type { Clock } from "../../../core/kit/clock.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import type { Fleet } from "../../../simulator/fleet.ts";

/** A read after a long sleep makes up for this much at once, and the next ones for the rest. */
const maximumCatchUpMilliseconds = 10_000;

/** Throws while the node has vanished. */
export function advanceFleet(fleet: Fleet, node: number, clock: Clock): void {
  fleet.step(Math.min(clock.now(), fleet.timeMilliseconds + maximumCatchUpMilliseconds));
  if ((fleet.host.nodes.vanished[node] ?? 0) > 0)
    throw new WarpwatchError("TARGET_UNREACHABLE", "the synthetic node doesn't answer");
}
