/** A scraper as plain as can be: one kept-alive connection, the time from the request to the last byte. */
import { Agent, get } from "node:http";

export interface Scrape {
  readonly milliseconds: number;
  readonly bytes: number;
}

export interface ScrapeClient {
  scrape(): Promise<Scrape>;
  close(): void;
}

export function createScrapeClient(url: string, encoding: "gzip" | "identity"): ScrapeClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { accept: "text/plain;version=0.0.4", "accept-encoding": encoding };
  return {
    scrape: () =>
      new Promise((resolve, reject) => {
        const started = performance.now();
        const request = get(url, { agent, headers }, (response) => {
          let bytes = 0;
          response.on("data", (chunk: Buffer) => (bytes += chunk.length));
          response.on("error", reject);
          response.on("end", () => {
            if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`));
            else resolve({ milliseconds: performance.now() - started, bytes });
          });
        });
        request.on("error", reject);
      }),
    close: () => agent.destroy(),
  };
}

/** The value below which the given share of the numbers lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
