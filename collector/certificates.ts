/**
 * Certificates that servers show the collector when it scrapes them, writes to them or notifies by them, and when the
 * first of them expires. From what node:http says of every answer (node:diagnostics_channel), whoever asked.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { collector } from "../core/catalog/index.ts";
import type { Clock } from "../core/kit/clock.ts";
import type { Log } from "../core/kit/log.ts";
import type { SelfMetrics } from "../core/kit/self-metrics.ts";

interface Shown {
  readonly expiresMilliseconds: number;
  /** On the steady clock. */
  seen: number;
}

interface CertificateWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
}

const answered = "http.client.response.finish";
const maximumServers = 2000;
/** A server that nobody has asked for so long is no longer in the configuration. */
const forgottenMilliseconds = 3_600_000;
const soonMilliseconds = 14 * 86_400_000;

/** Watches until the function that it gives is called. */
export function watchCertificates({ clock, log, metrics }: CertificateWatchOptions): () => void {
  const byServer = new Map<string, Shown>();
  /** Asked once per connection: reading a certificate costs more than an answer. */
  const bySocket = new WeakMap<TLSSocket, Shown>();
  metrics.gauge(collector.certificateExpiry, earliest);

  function earliest(): number {
    let first = Number.NaN;
    for (const [server, { expiresMilliseconds, seen }] of byServer)
      if (clock.monotonic() - seen > forgottenMilliseconds) byServer.delete(server);
      else if (!(first <= expiresMilliseconds / 1000)) first = expiresMilliseconds / 1000;
    return first;
  }

  function onAnswer(message: unknown): void {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    const { socket } = response;
    if (!(socket instanceof TLSSocket)) return;
    let shown = bySocket.get(socket);
    if (shown === undefined) {
      shown = { expiresMilliseconds: Date.parse(socket.getPeerCertificate().valid_to), seen: 0 };
      bySocket.set(socket, shown);
      note(String(request.getHeader("host") ?? request.host), shown);
    }
    shown.seen = clock.monotonic();
  }

  function note(server: string, shown: Shown): void {
    if (Number.isNaN(shown.expiresMilliseconds)) return;
    const known = byServer.get(server);
    if (known === undefined && byServer.size >= maximumServers) return;
    byServer.set(server, shown);
    const isNews = known?.expiresMilliseconds !== shown.expiresMilliseconds;
    if (isNews && shown.expiresMilliseconds - clock.now() < soonMilliseconds)
      log.warn(`the certificate of ${server} expires soon`, {
        at: new Date(shown.expiresMilliseconds).toISOString(),
      });
  }

  subscribe(answered, onAnswer);
  return () => void unsubscribe(answered, onAnswer);
}
