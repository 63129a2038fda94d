/** The collector's TLS: the web configuration file, read again when it or a certificate changes. */
import type { Server } from "node:net";
import { Server as TlsServer, type TLSSocket } from "node:tls";
import type { Clock } from "../../core/kit/clock.ts";
import { describeError, systemCode } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import { loadWebConfig, mayConnect, type ServerTls } from "../../core/kit/web-config.ts";

export interface ServedTls {
  /** For the server's making; null: plain HTTP. */
  readonly options: (ServerTls["context"] & Omit<ServerTls, "context" | "allowedNames">) | null;
  /** Guards the connections of the server that was made with them, and keeps its certificates fresh. */
  follow(server: Server): void;
}

/** Files are looked at when somebody connects, and no more often than this. */
const lookMilliseconds = 1000;

/** `file` is empty: plain HTTP. Throws ConfigError or TLS_UNUSABLE. */
export function openServerTls(file: string, clock: Clock, log: Log): ServedTls {
  if (file === "") return { options: null, follow() {} };
  const first = loadWebConfig(file);
  let { tls, stamp } = first;
  let looked = clock.monotonic();

  function refresh(server: TlsServer): void {
    const now = clock.monotonic();
    if (now - looked < lookMilliseconds) return;
    looked = now;
    try {
      const found = loadWebConfig(file);
      if (found.stamp === stamp) return;
      stamp = found.stamp;
      if (found.tls === null || !sameDemands(found.tls, first.tls)) {
        log.error("the web configuration asks callers for something else: that needs a restart");
        return;
      }
      server.setSecureContext(found.tls.context);
      tls = found.tls;
      log.info("the certificates were read again");
    } catch (thrown) {
      log.error(`the certificates stay as they were: ${describeError(thrown)}`);
    }
  }

  return {
    options: tls && {
      ...tls.context,
      requestCert: tls.requestCert,
      rejectUnauthorized: tls.rejectUnauthorized,
    },
    follow(server) {
      if (!(server instanceof TlsServer)) return;
      // Before the handshake begins, so that this very caller sees the new certificate.
      server.prependListener("connection", () => refresh(server));
      server.prependListener("secureConnection", (socket: TLSSocket) => {
        if (tls === null || mayConnect(socket, tls)) return;
        log.warn("a caller's certificate was refused");
        socket.destroy();
      });
      server.on("tlsClientError", (error) => {
        log.warn(`a caller's TLS failed (${systemCode(error) || describeError(error)})`);
      });
    },
  };
}

function sameDemands(one: ServerTls, other: ServerTls | null): boolean {
  return (
    other !== null &&
    one.requestCert === other.requestCert &&
    one.rejectUnauthorized === other.rejectUnauthorized
  );
}
