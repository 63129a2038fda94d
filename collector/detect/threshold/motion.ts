/** What became of rows with a frame, as bits: both at once, or neither. */
export type Motion = number;

export const still: Motion = 0;
/** One of them is other than it was. */
export const moved: Motion = 1;
/** They may be other with the next frame, even if none of the samples that they are made of changes. */
export const restless: Motion = 2;
