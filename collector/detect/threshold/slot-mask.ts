/** The slots that a part of a rule looks at, as bits: whether any of them changed is seen at a glance. */
export interface SlotMask {
  /** Bytes of a bitmap over all slots that hold one of these, and which bits of them. */
  readonly places: Uint32Array;
  readonly bits: Uint8Array;
}

export function createSlotMask(slots: Int32Array): SlotMask {
  const bits = new Map<number, number>();
  for (const slot of slots) bits.set(slot >> 3, (bits.get(slot >> 3) ?? 0) | (1 << (slot & 7)));
  return { places: Uint32Array.from(bits.keys()), bits: Uint8Array.from(bits.values()) };
}

export function touches({ places, bits }: SlotMask, bitmap: Uint8Array): boolean {
  for (let index = 0; index < places.length; index += 1)
    if ((bitmap[places[index]!]! & bits[index]!) !== 0) return true;
  return false;
}
