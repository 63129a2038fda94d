/** The console's files, read once at start and served from memory: no path of a request ever reaches the disk. */
import { readFileSync } from "node:fs";

export interface ConsolePage {
  readonly body: Buffer;
  readonly contentType: string;
}

/** `console.js` is what the page loads; the others are what it imports. */
const scripts = [
  "console.js",
  "actions.js",
  "dom.js",
  "fleet.js",
  "format.js",
  "muting.js",
  "verdicts.js",
] as const;

/** Nothing but our own files, no inline script or style, no framing, and no string may become markup. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** Headers of every page of the console. */
export const consoleHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": contentSecurityPolicy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-cache",
};

/** Path → page. The pages hold no data: that comes from the API, with a token. */
export function loadConsolePages(): ReadonlyMap<string, ConsolePage> {
  const page = (file: string, contentType: string): ConsolePage => ({
    body: readFileSync(new URL(`./assets/${file}`, import.meta.url)),
    contentType,
  });
  return new Map([
    ["/", page("index.html", "text/html; charset=utf-8")],
    ["/console.css", page("console.css", "text/css; charset=utf-8")],
    ...scripts.map((file) => [`/${file}`, page(file, "text/javascript; charset=utf-8")] as const),
  ]);
}
