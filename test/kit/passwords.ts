/** What bcrypt makes of a password, by libxcrypt. */

/** Of "secret", at the lowest cost. */
export const secretHash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
/** Of the empty one. */
export const emptyHash = "$2b$04$......................w74bL5gU7LSJClZClCa.Pkz14aTv/XO";
