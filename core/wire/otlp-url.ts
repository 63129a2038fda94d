/** Where an OTLP receiver takes metrics (opentelemetry.io/docs/specs/otel/protocol/exporter: Endpoint URLs for OTLP/HTTP). */

/** An address without a path is the receiver's as a whole; one with a path is used as it is. */
export function otlpUrl(address: string): URL {
  const url = new URL(address);
  if (url.pathname === "/") url.pathname = "/v1/metrics";
  return url;
}
