/** libdcgm.so.4, or .3, opened through koffi: each function is looked for on its own, and a missing one breaks no other. */
import { signatures, type DcgmFunction } from "./functions.ts";
import { layouts } from "./layouts.ts";
import { returnCodes } from "./return-codes.ts";

/** A handle or a number; a text; or bytes, whose address is passed and which the call may write. */
export type DcgmArgument = number | string | Uint8Array;

export interface DcgmLibrary {
  readonly path: string;
  /** On a thread of the pool. Resolves with DCGM's code; FUNCTION_NOT_FOUND for what the library hasn't got. */
  call(name: DcgmFunction, ...values: DcgmArgument[]): Promise<number>;
  /** From the library's own table; null for a field that it doesn't know. */
  field(id: number): FieldMeta | null;
  describe(code: number): string;
}

export interface FieldMeta {
  /** An entity group: what the field is of. */
  readonly level: number;
  /** Whether its value is a number. */
  readonly isNumber: boolean;
}

/** The part of a koffi function that is used. */
interface Bound {
  async(...values: [...DcgmArgument[], (thrown: Error | null, code: number) => void]): void;
}

const types = {
  h: "uintptr_t",
  i: "int32_t",
  l: "int64_t",
  d: "double",
  b: "void *",
  s: "const char *",
} as const;

const numberTypes = "dit";

/** A string where none can be opened: why. Paths are tried in their order. */
export async function openLibrary(paths: readonly string[]): Promise<DcgmLibrary | string> {
  const { default: koffi } = await import("koffi");
  const refusals: string[] = [];
  for (const path of paths)
    try {
      return bind(path, koffi, koffi.load(path, { lazy: true }));
    } catch (thrown) {
      refusals.push(thrown instanceof Error ? thrown.message : String(thrown));
    }
  return refusals[0] ?? "no libdcgm was named";
}

interface Koffi {
  view(address: bigint, bytes: number): ArrayBuffer;
}

interface Loaded {
  func(name: string, result: string, types: string[]): unknown;
}

function bind(path: string, koffi: Koffi, library: Loaded): DcgmLibrary {
  const bound = new Map<DcgmFunction, Bound | null>();
  /** By field; as many as there are numbers of 16 bits at most. */
  const metas = new Map<number, FieldMeta | null>();

  function look(name: string, result: string, letters: string): unknown {
    const parameters = letters.split("") as (keyof typeof types)[];
    try {
      return library.func(
        name,
        result,
        parameters.map((letter) => types[letter]),
      );
    } catch {
      return null;
    }
  }

  const metaOf = look("DcgmFieldGetById", "uintptr_t", "i") as
    | ((id: number) => number | bigint)
    | null;
  const textOf = look("errorString", "const char *", "i") as
    | ((code: number) => string | null)
    | null;

  function readMeta(id: number): FieldMeta | null {
    const address = BigInt(metaOf?.(id) ?? 0);
    if (address === 0n) return null;
    const { bytes, at } = layouts.fieldMeta;
    const meta = new DataView(koffi.view(address, bytes));
    const type = String.fromCodePoint(meta.getUint8(at.fieldType));
    return { level: meta.getUint32(at.entityLevel, true), isNumber: numberTypes.includes(type) };
  }

  return {
    path,
    call(name, ...values) {
      const known = bound.get(name);
      const found =
        known === undefined ? (look(name, "int", signatures[name]) as Bound | null) : known;
      bound.set(name, found);
      if (!found) return Promise.resolve(returnCodes.functionNotFound);
      return new Promise((resolve, reject) => {
        found.async(...values, (thrown, code) => {
          if (thrown) reject(thrown);
          else resolve(code);
        });
      });
    },
    field(id) {
      const known = metas.get(id);
      const meta = known === undefined ? readMeta(id) : known;
      metas.set(id, meta);
      return meta;
    },
    describe: (code) => `${textOf?.(code) ?? "an error without a text"} (DCGM ${code})`,
  };
}
