/** A client's TLS from files, read again when one changes: certificates are exchanged while programs run. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Clock } from "./clock.ts";
import { describeError, systemCode, WarpwatchError } from "./errors.ts";
import { stampOf } from "./file-stamp.ts";

/** As node:tls takes it. */
export interface ClientTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface ClientTlsSettings {
  /** The authorities that are trusted; empty: the system's. */
  readonly authorityFile: string;
  /** The own certificate and its key, both or neither. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** The name that the other side's certificate must have; empty: the address'. */
  readonly serverName: string;
  readonly insecureSkipVerify: boolean;
}

/** What the system trusts, and no certificate of one's own. */
export const systemTls: ClientTlsSettings = {
  authorityFile: "",
  certificateFile: "",
  keyFile: "",
  serverName: "",
  insecureSkipVerify: false,
};

export interface TlsFiles {
  /** The same object until a file's content changes. Throws TLS_UNUSABLE while there has been none that can be used. */
  current(): ClientTls;
}

/** Files are looked at once in this time, however often `current` is called. */
const lookMilliseconds = 1000;

/** `onError` hears once of a content that can't be used; what was there before then stays. */
export function createTlsFiles(
  settings: ClientTlsSettings,
  clock: Clock,
  onError: (sentence: string) => void,
): TlsFiles {
  const files = [settings.authorityFile, settings.certificateFile, settings.keyFile];
  let known: ClientTls | null = null;
  let stamp = "";
  let looked = -Infinity;
  return {
    current() {
      const now = clock.monotonic();
      if (known !== null && now - looked < lookMilliseconds) return known;
      looked = now;
      const found = files.map((file) => (file === "" ? "" : stampOf(file))).join();
      if (known !== null && found === stamp) return known;
      try {
        known = load(settings);
      } catch (thrown) {
        if (known === null) throw thrown;
        onError(describeError(thrown));
      }
      stamp = found;
      return known;
    },
  };
}

function load(settings: ClientTlsSettings): ClientTls {
  const { authorityFile, certificateFile, keyFile, serverName, insecureSkipVerify } = settings;
  const tls: ClientTls = {
    ...(authorityFile === "" ? {} : { ca: readTlsFile(authorityFile) }),
    ...(certificateFile === "" ? {} : { cert: readTlsFile(certificateFile) }),
    ...(keyFile === "" ? {} : { key: readTlsFile(keyFile) }),
    ...(serverName === "" ? {} : { servername: serverName }),
    ...(insecureSkipVerify ? { rejectUnauthorized: false } : {}),
  };
  checkTls(tls, files(settings));
  return tls;
}

function files({ authorityFile, certificateFile, keyFile }: ClientTlsSettings): string {
  return [authorityFile, certificateFile, keyFile].filter((file) => file !== "").join(", ");
}

/** Throws TLS_UNUSABLE. */
export function readTlsFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const sentence = `${file} can't be read (${systemCode(cause) || "unknown reason"})`;
    throw new WarpwatchError("TLS_UNUSABLE", sentence, { cause });
  }
}

/** Certificate and key belong together and are what they say. Throws TLS_UNUSABLE. */
export function checkTls(
  { ca, cert, key }: Pick<ClientTls, "ca" | "cert" | "key">,
  from: string,
): void {
  try {
    if (ca && !ca.includes("-----BEGIN CERTIFICATE-----"))
      throw new Error("there is no certificate among the authorities");
    createSecureContext({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) });
  } catch (cause) {
    const reason = describeError(cause).replace(/^error:[0-9A-F]+:/i, "");
    throw new WarpwatchError("TLS_UNUSABLE", `${from} can't be used: ${reason}`, { cause });
  }
}
