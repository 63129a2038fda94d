/** Puts a program together for the schema at hand. Whatever two schemas differ in that a step could notice is in the signature. */
import { createHash } from "node:crypto";
import type { Rule } from "../../../alerts/rule.ts";
import type { Schema } from "../../../core/wire/frame.ts";
import type { CompiledCondition } from "./condition.ts";
import type { Stretch } from "./counter-columns.ts";
import type { Sizes } from "./memory.ts";
import {
  listFollowers,
  listReaders,
  type Program,
  type ProgramRule,
  type RingPlan,
  type Step,
  type Vector,
  type WindowPlan,
} from "./program.ts";
import { indexSchema, type SlotIndex } from "./rows.ts";

type Part = string | number | ArrayLike<number>;

export interface Assembler {
  readonly schema: Schema;
  readonly index: SlotIndex;
  /** The place of the first of so many rows. */
  reserve(kind: keyof Sizes, length: number): number;
  /** `parts` are all that the step works with; returns its number. */
  add(step: Partial<Step> & Pick<Step, "run">, ...parts: readonly Part[]): number;
  /** What is asked for more than once is made once. */
  once(key: string, make: () => Vector): Vector;
  /** The ring of a slot's source, for windows of this length. */
  ring(slot: number, lengthMilliseconds: number): number;
  addStretch(stretch: Omit<Stretch, "number">): Stretch;
  addWindow(plan: WindowPlan): number;
  addRule(rule: Rule, condition: CompiledCondition): void;
  finish(): Program;
}

const noSlots = new Int32Array(0);

export function createAssembler(schema: Schema): Assembler {
  const steps: Step[] = [];
  const rules: (ProgramRule & { readonly after: readonly number[] })[] = [];
  const sizes = { values: 0, truth: 0, firing: 0, counters: 0 };
  const rings = new Map<
    string,
    { plan: Omit<RingPlan, "slots">; place: number; slots: number[] }
  >();
  const stretches: Stretch[] = [];
  const windows: WindowPlan[] = [];
  const made = new Map<string, Vector>();
  const signature: string[] = [];

  function sign(parts: readonly Part[]): void {
    signature.push(
      parts.map((part) => (typeof part === "object" ? Array.from(part).join(",") : part)).join(" "),
    );
  }

  return {
    schema,
    index: indexSchema(schema),
    reserve(kind, length) {
      const first = sizes[kind];
      sizes[kind] += length;
      return first;
    },
    add({ run, slots = noSlots, after = [] }, ...parts) {
      sign([...parts, "slots", slots, "after", after]);
      return steps.push({ run, slots, after }) - 1;
    },
    once(key, make) {
      const vector = made.get(key) ?? make();
      made.set(key, vector);
      return vector;
    },
    ring(slot, lengthMilliseconds) {
      const group = schema.groups.find(({ first, length }) => slot < first + length);
      const key = `${lengthMilliseconds} ${group?.source ?? ""}`;
      const ring = rings.get(key) ?? {
        plan: { key, lengthMilliseconds },
        place: rings.size,
        slots: [],
      };
      rings.set(key, ring);
      ring.slots.push(slot);
      return ring.place;
    },
    addStretch(own) {
      sign(["stretch", own.key, own.ring, own.slots]);
      const stretch = { ...own, number: stretches.length };
      stretches.push(stretch);
      return stretch;
    },
    addWindow(plan) {
      sign(["window", plan.key, plan.slot]);
      return windows.push(plan) - 1;
    },
    addRule(rule, condition) {
      sign(["rule", rule.name, condition.length, "after", condition.after]);
      rules.push({ ...condition, rule });
    },
    finish() {
      sign(["rings", ...rings.keys()]);
      return {
        signature: createHash("sha256").update(signature.join("\n")).digest("base64"),
        steps,
        followers: listFollowers(steps, rules),
        readers: listReaders(steps),
        rules,
        sizes,
        rings: Array.from(rings.values(), ({ plan, slots }) => ({
          ...plan,
          slots: Int32Array.from(slots),
        })),
        stretches,
        windows,
      };
    },
  };
}
