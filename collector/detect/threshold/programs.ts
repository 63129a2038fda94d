/** The programs in use: origins of one shape have the same one. */
import type { Program } from "./program.ts";

export interface Programs {
  /** The program that says the same and is in use already, or this one. */
  take(program: Program): Program;
  /** One origin less uses it. */
  release(program: Program): void;
}

export function createPrograms(): Programs {
  const inUse = new Map<string, { readonly program: Program; users: number }>();
  return {
    take(program) {
      const shared = inUse.get(program.signature) ?? { program, users: 0 };
      shared.users += 1;
      inUse.set(program.signature, shared);
      return shared.program;
    },
    release({ signature }) {
      const shared = inUse.get(signature);
      if (!shared) return;
      shared.users -= 1;
      if (shared.users === 0) inUse.delete(signature);
    },
  };
}
