/** What the agent asks the `slow-kernel` probe about a network interface, and what it answers. */

export interface EthtoolQuestion {
  readonly device: string;
  /** Of the names that the asker has; empty for none. */
  readonly namesVersion: string;
}

export interface EthtoolAnswer {
  /** Link modes as sums of bits, as the kernel's older settings have them: the first 32. */
  readonly settings: {
    readonly supported: number;
    readonly advertised: number;
    readonly autonegotiate: number;
  } | null;
  readonly driver: {
    readonly driver: string;
    readonly version: string;
    readonly firmware: string;
    readonly bus: string;
    readonly expansionRom: string;
  } | null;
  readonly statistics: {
    readonly namesVersion: string;
    /** Null where the asker has them. */
    readonly names: readonly string[] | null;
    /** In the order of the names. */
    readonly values: Float64Array;
  } | null;
}
