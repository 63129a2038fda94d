/** libnvidia-ml.so.1, opened through koffi: each function is looked for on its own, and a missing one breaks no other. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { olderNames, signatures, type NvmlFunction } from "./functions.ts";
import { returnCodes } from "./return-codes.ts";

/** A handle or a number; or bytes, whose address is passed and which the call may write. */
export type NvmlArgument = number | Uint8Array;

export interface NvmlLibrary {
  readonly path: string;
  has(name: NvmlFunction): boolean;
  /** Holds the loop until the driver answers. Returns its code; FUNCTION_NOT_FOUND for what the library hasn't got. */
  call(name: NvmlFunction, ...values: NvmlArgument[]): number;
  /** The same on a thread of the pool. */
  callAside(name: NvmlFunction, ...values: NvmlArgument[]): Promise<number>;
}

/** The part of a koffi function that is used. */
interface Bound {
  (...values: NvmlArgument[]): number;
  async(...values: [...NvmlArgument[], (thrown: Error | null, code: number) => void]): void;
}

const fileName = "libnvidia-ml.so.1";

/** Where a driver that lives in a container or beside the root keeps its libraries. */
const folders = [
  "usr/lib/x86_64-linux-gnu",
  "usr/lib/aarch64-linux-gnu",
  "usr/lib64",
  "usr/lib",
  "lib64",
];

/** A string where none can be opened: why. */
export async function openLibrary(
  given: string,
  driverRoots: readonly string[],
): Promise<NvmlLibrary | string> {
  const { default: koffi } = await import("koffi");
  const refusals: string[] = [];
  for (const path of given === "" ? candidates(driverRoots) : [given])
    try {
      return bind(path, koffi.load(path, { lazy: true }));
    } catch (thrown) {
      refusals.push(thrown instanceof Error ? thrown.message : String(thrown));
    }
  return refusals[0] ?? `${fileName} isn't found`;
}

/** The loader's own search, then the driver roots. */
function candidates(driverRoots: readonly string[]): string[] {
  const files = driverRoots.flatMap((root) =>
    folders.map((folder) => join(root, folder, fileName)),
  );
  return [fileName, ...files.filter((file) => existsSync(file))];
}

function bind(
  path: string,
  library: { func(name: string, result: string, types: string[]): unknown },
): NvmlLibrary {
  const bound = new Map<NvmlFunction, Bound | null>();
  const types = { h: "uintptr_t", n: "uint32_t", l: "uint64_t", b: "void *" } as const;

  function look(name: NvmlFunction): Bound | null {
    const letters = signatures[name].split("") as (keyof typeof types)[];
    try {
      return library.func(
        name,
        "int",
        letters.map((letter) => types[letter]),
      ) as Bound;
    } catch {
      const older = olderNames[name];
      return older ? find(older) : null;
    }
  }

  function find(name: NvmlFunction): Bound | null {
    let known = bound.get(name);
    if (known === undefined) bound.set(name, (known = look(name)));
    return known;
  }

  return {
    path,
    has: (name) => find(name) !== null,
    call: (name, ...values) => find(name)?.(...values) ?? returnCodes.functionNotFound,
    callAside: (name, ...values) =>
      new Promise((resolve, reject) => {
        const known = find(name);
        if (!known) resolve(returnCodes.functionNotFound);
        else
          known.async(...values, (thrown, code) => {
            if (thrown) reject(thrown);
            else resolve(code);
          });
      }),
  };
}
