/** Text within a service's limit: escaped, no character split, and a note of what was cut. */

/** Takes one character and gives what stands for it. */
export type Escape = (character: string) => string;

/** For HTML, and for Slack, which wants these three: with them go mentions of everyone and forged links. */
export const escapeMarkup: Escape = (character) => {
  if (character === "&") return "&amp;";
  if (character === "<") return "&lt;";
  return character === ">" ? "&gt;" : character;
};

const asItIs: Escape = (character) => character;

/** At most `limit` UTF-16 units, counted after escaping: that is never less than a service counts. */
export function fitText(text: string, limit: number, escape: Escape = asItIs): string {
  // No escape is shorter than what it stands for, so what is beyond the limit is only counted.
  const pieces = Array.from(text.slice(0, limit + 1), escape);
  if (text.length <= limit && lengthOf(pieces) <= limit) return pieces.join("");
  const characters = countCharacters(text);
  const room = limit - cutNote(characters).length;
  let length = 0;
  const end = pieces.findIndex((piece) => (length += piece.length) > room);
  return pieces.slice(0, end).join("") + cutNote(characters - end);
}

function countCharacters(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    const isSecondHalf = (text.charCodeAt(index) & 0xfc00) === 0xdc00;
    if (!isSecondHalf) count += 1;
  }
  return count;
}

/** As many whole items as fit into `limit`, each with one unit between it and the next, and a note in place of the others. */
export function fitItems(items: readonly string[], limit: number, what: string): string[] {
  if (lengthOf(items) + items.length <= limit) return [...items];
  const note = (count: number): string => `… ${count} more ${what} left out`;
  let length = note(items.length).length;
  const end = items.findIndex((item) => (length += item.length + 1) > limit);
  return [...items.slice(0, end), note(items.length - end)];
}

function cutNote(characters: number): string {
  return `… [${characters} characters cut]`;
}

function lengthOf(pieces: readonly string[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
