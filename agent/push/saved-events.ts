/** Events as lines of the agent's own file: JSON whose last field is the CRC-32 (zlib) of the others, so that a bit that flips on disk is found. */
import { crc32 } from "node:zlib";
import { decodeEvents } from "../../core/wire/event-codec.ts";
import type { WarpwatchEvent } from "../../core/wire/event.ts";

export interface SavedEvents {
  readonly events: WarpwatchEvent[];
  /** Lines that aren't what was written. */
  readonly damaged: readonly string[];
}

const sealed = /^(.*),"checksum":(\d{1,10})\}$/;

export function writeSavedEvents(events: readonly WarpwatchEvent[]): string {
  return events
    .map((event) => {
      const text = JSON.stringify(event);
      return `${text.slice(0, -1)},"checksum":${crc32(text)}}\n`;
    })
    .join("");
}

/** A file is written whole: where one line has a checksum, a line without is damaged. Older agents wrote none. */
export function readSavedEvents(text: string, maximumEvents: number): SavedEvents {
  const lines = text.split("\n").filter((line) => line !== "");
  const isOlder = !lines.some((line) => sealed.test(line));
  const events: WarpwatchEvent[] = [];
  const damaged: string[] = [];
  for (const line of lines.slice(0, maximumEvents)) {
    const found = isOlder || isSound(line) ? decodeEvents(line, 1).events : [];
    events.push(...found);
    if (found.length === 0) damaged.push(line);
  }
  return { events, damaged };
}

function isSound(line: string): boolean {
  const [, body = "", checksum = ""] = sealed.exec(line) ?? [];
  return String(crc32(`${body}}`)) === checksum;
}
