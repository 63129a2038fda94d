/** A server's web configuration file: its TLS and its users, read again when the file or a certificate changes. */
import type { Server } from "node:net";
import { Server as TlsServer, type TLSSocket } from "node:tls";
import type { BcryptHash } from "./bcrypt.ts";
import type { Clock } from "./clock.ts";
import { describeError, systemCode } from "./errors.ts";
import { stampOfAll } from "./file-stamp.ts";
import type { Log } from "./log.ts";
import { loadWebConfig, mayConnect, type ServerTls, type WebConfig } from "./web-config.ts";

export interface ServedWeb {
  /** For a server's making; null: plain HTTP. */
  readonly tls:
    | (ServerTls["context"] & Omit<ServerTls, "context" | "allowedNames"> & HandshakeLimit)
    | null;
  /** Guards the connections of a server that was made with it, and keeps its certificates fresh. */
  follow(server: Server): void;
  /** Who may call by name and password; none: nobody is asked for one. */
  users(): ReadonlyMap<string, BcryptHash>;
}

interface HandshakeLimit {
  readonly handshakeTimeout: number;
}

export interface ServedWebOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly takesUsers: boolean;
}

/** Files are looked at when somebody connects or asks, and no more often than this. */
const lookMilliseconds = 1000;
const handshakeTimeout = 10_000;

/** Throws ConfigError or TLS_UNUSABLE. */
export function openServedWeb(file: string, options: ServedWebOptions): ServedWeb {
  const { clock, log } = options;
  const servers: TlsServer[] = [];
  const first = loadWebConfig(file, options);
  let current: WebConfig = first;
  let looked = clock.monotonic();

  function refresh(): void {
    const now = clock.monotonic();
    if (now - looked < lookMilliseconds) return;
    looked = now;
    if (stampOfAll(current.files) === current.stamp) return;
    try {
      const found = loadWebConfig(file, options);
      const usable = sameDemands(found.tls, first.tls);
      if (found.tls && usable)
        for (const server of servers) server.setSecureContext(found.tls.context);
      current = usable ? found : { ...found, tls: current.tls };
      if (usable) log.info("the web configuration was read again");
      else log.error("the web configuration asks for another TLS of callers: that needs a restart");
    } catch (thrown) {
      log.error(`the web configuration stays as it was: ${describeError(thrown)}`);
    }
  }

  return {
    tls: first.tls && {
      ...first.tls.context,
      requestCert: first.tls.requestCert,
      rejectUnauthorized: first.tls.rejectUnauthorized,
      handshakeTimeout,
    },
    follow(server) {
      if (!(server instanceof TlsServer)) return;
      servers.push(server);
      // Before the handshake begins, so that this very caller sees the new certificate.
      server.prependListener("connection", refresh);
      server.prependListener("secureConnection", (socket: TLSSocket) => {
        if (current.tls === null || mayConnect(socket, current.tls)) return;
        log.warn("a caller's certificate was refused");
        socket.destroy();
      });
      server.on("tlsClientError", (error) => {
        log.warn(`a caller's TLS failed (${systemCode(error) || describeError(error)})`);
      });
    },
    users() {
      refresh();
      return current.users;
    },
  };
}

function sameDemands(one: ServerTls | null, other: ServerTls | null): boolean {
  return (
    one?.requestCert === other?.requestCert && one?.rejectUnauthorized === other?.rejectUnauthorized
  );
}
