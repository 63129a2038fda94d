/** Rows: where the state of each watched series lies. A row stays with its series while schemas come and go. */

export interface RowTable {
  /** One more than the highest row that was ever in use. */
  readonly capacity: number;
  /** The series' row; a new series gets one while there are fewer than `room`, and -1 afterwards. */
  rowOf(key: string, room: number): number;
  /** Frees the rows of series that are not among these, and returns them. */
  keepOnly(keys: ReadonlySet<string>): number[];
  entries(): [key: string, row: number][];
}

export function createRowTable(known: readonly (readonly [string, number])[] = []): RowTable {
  const rows = new Map<string, number>(known);
  const taken = new Set(rows.values());
  let capacity = Math.max(-1, ...taken) + 1;
  let free = Array.from({ length: capacity }, (_, row) => row).filter((row) => !taken.has(row));
  return {
    get capacity() {
      return capacity;
    },
    rowOf(key, room) {
      const known = rows.get(key);
      if (known !== undefined) return known;
      if (rows.size >= room) return -1;
      const row = free.pop() ?? capacity;
      capacity = Math.max(capacity, row + 1);
      rows.set(key, row);
      return row;
    },
    keepOnly(keys) {
      const gone = [...rows].filter(([key]) => !keys.has(key));
      for (const [key] of gone) rows.delete(key);
      const freed = gone.map(([, row]) => row);
      free = [...free, ...freed];
      return freed;
    },
    entries: () => [...rows],
  };
}

/** The same numbers with room for more rows. */
export function widened(column: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const wider = new Float64Array(Math.max(length, column.length));
  wider.set(column);
  return wider;
}
