/** Runs a program over an origin's memory: the steps that a frame is about, in their order. */
import type { OriginState } from "../../origin.ts";
import { advanceRings } from "./bound-windows.ts";
import type { Memory } from "./memory.ts";
import { moved, restless } from "./motion.ts";
import type { Program } from "./program.ts";

/** Notes what the frame is about: steps that read a slot that changed, and those that wait for time to pass. */
export function lookAt(program: Program, memory: Memory, state: OriginState): void {
  const isNext = state.revision === memory.revision + 1;
  memory.revision = state.revision;
  const isShaken = advanceRings(program.rings, memory.rings, state) || memory.isShaken;
  memory.isShaken = false;
  if (isShaken || !isNext) memory.due.fill(1);
  else findDue(program, memory.due, state.changed);
}

function findDue({ readers }: Program, due: Uint8Array, changed: Uint8Array): void {
  const { places, bits, steps } = readers;
  for (let index = 0; index < places.length; index += 1)
    if ((changed[places[index]!]! & bits[index]!) !== 0) due[steps[index]!] = 1;
}

/** Behind the steps of `due` then stand the rules that have to be judged. A step that fails leaves what follows it as it was. */
export function runSteps(
  program: Program,
  memory: Memory,
  state: OriginState,
  onFailure: (step: number, thrown: unknown) => void,
): void {
  const { steps, followers } = program;
  const { due } = memory;
  for (let step = 0; step < steps.length; step += 1) {
    if (due[step] === 0) continue;
    due[step] = 0;
    try {
      const motion = steps[step]!.run(memory, state);
      if ((motion & restless) !== 0) due[step] = 1;
      if ((motion & moved) === 0) continue;
    } catch (thrown) {
      memory.isShaken = true;
      onFailure(step, thrown);
      continue;
    }
    const next = followers[step]!;
    for (let index = 0; index < next.length; index += 1) due[next[index]!] = 1;
  }
}

/** The rules, by their numbers, that can't be judged when a step fails. */
export function rulesBehind(program: Program, step: number): Set<number> {
  const { steps, followers } = program;
  const behind = Array.from(followers[step] ?? [], (next) =>
    next < steps.length ? [...rulesBehind(program, next)] : [next - steps.length],
  );
  return new Set(behind.flat());
}
