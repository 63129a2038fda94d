/** The GPUs of one driver as /sys/class/drm shows them, and those of them that went; fields of a card's uevent as the kernel's driver core writes them. */
import { join } from "node:path";
import type { GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import type { Listing } from "../host/listed-reader.ts";

/** What its driver tells of a card. */
export interface CardFacts {
  readonly uuid: string;
  readonly model: string;
  readonly serial: string;
  readonly vbiosVersion: string;
  readonly driverVersion: string;
}

export interface Card extends CardFacts {
  /** The card's folder, `/sys/class/drm/card0`, and that of its device on the bus. */
  readonly folder: string;
  readonly device: string;
  readonly driver: string;
  /** `0000:03:00.0` */
  readonly address: string;
  /** `1002:74A1` */
  readonly pciId: string;
  /** `30000` for a graphics card, `120000` for an accelerator. */
  readonly pciClass: string;
}

export interface KnownCard {
  readonly card: Card;
  readonly identity: GpuIdentity;
  readonly isThere: boolean;
}

export interface CardRoster {
  /** Every card that is there or was, with the number that it had from the first. */
  take(cards: readonly Card[]): readonly KnownCard[];
}

/** More than any node has. */
const maximumCards = 64;

/** Cards whose driver is one of these, in the order of their places on the bus; parts of a partitioned GPU aren't on it. */
export function listCards(
  listing: Listing,
  sysfs: string,
  drivers: readonly string[],
  describe: (card: Omit<Card, keyof CardFacts>) => CardFacts,
): Card[] {
  const drm = join(sysfs, "class/drm");
  const cards: Card[] = [];
  for (const name of listing.folder(drm, /^card\d+$/)) {
    const folder = join(drm, name);
    const device = join(folder, "device");
    const uevent = listing.text(join(device, "uevent"), "watched");
    const driver = fieldOf(uevent, "DRIVER");
    const address = fieldOf(uevent, "PCI_SLOT_NAME");
    if (address === "" || !drivers.includes(driver) || cards.length >= maximumCards) continue;
    const pciId = fieldOf(uevent, "PCI_ID");
    const pciClass = fieldOf(uevent, "PCI_CLASS");
    const found = { folder, device, driver, address, pciId, pciClass };
    cards.push({ ...found, ...describe(found) });
  }
  return cards.sort((left, right) => (left.address < right.address ? -1 : 1));
}

/** `onLost` is called once for each loss. */
export function createCardRoster(node: string, onLost: (gone: GpuIdentity) => void): CardRoster {
  let known: KnownCard[] = [];
  return {
    take(cards) {
      const places = new Map(known.map(({ card, identity }) => [card.address, identity.index]));
      const gone = known.filter(({ card }) => !cards.some((one) => one.address === card.address));
      // Those that were seen first keep their numbers; one in the place of another gets that one's.
      let next = Math.max(-1, ...places.values()) + 1;
      const present = cards.map((card): KnownCard => {
        const index = places.get(card.address) ?? next++;
        return { card, identity: identityOf(node, index, card), isThere: true };
      });
      for (const { identity, isThere } of gone) if (isThere) onLost(identity);
      known = [...present, ...gone.map((each) => ({ ...each, isThere: false }))]
        .sort((left, right) => left.identity.index - right.identity.index)
        .slice(0, maximumCards);
      return known;
    },
  };
}

/** Reading its sensors would wake it, and every reading after that would keep it awake. */
export function isAsleep(listing: Listing, { device }: Card): boolean {
  return listing.text(join(device, "power/runtime_status"), "watched") === "suspended";
}

function identityOf(node: string, index: number, card: Card): GpuIdentity {
  const { uuid, address, model, driverVersion } = card;
  return { node, index, uuid, pciBusId: address, model, driverVersion };
}

function fieldOf(uevent: string, name: string): string {
  return new RegExp(`^${name}=(.*)$`, "m").exec(uevent)?.[1] ?? "";
}
