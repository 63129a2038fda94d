/**
 * The web configuration file of Prometheus' exporters (github.com/prometheus/exporter-toolkit, docs/web-configuration.md):
 * its TLS section and its users. What of the rest isn't done here is refused by its name rather than left out in silence.
 */
import { dirname, resolve } from "node:path";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import { z } from "zod";
import { maximumCost, parseBcrypt, type BcryptHash } from "./bcrypt.ts";
import { loadConfigFile } from "./config.ts";
import { stampOfAll } from "./file-stamp.ts";
import { checkTls, readTlsFile } from "./tls-files.ts";

export interface ServerTls {
  readonly context: SecureContextOptions;
  /** Callers are asked for a certificate. */
  readonly requestCert: boolean;
  /** One that shows none, or one that nobody vouches for, gets no connection. */
  readonly rejectUnauthorized: boolean;
  /** Names of which a caller's certificate must have one; none: every certificate that is vouched for will do. */
  readonly allowedNames: readonly string[];
}

export interface WebConfig {
  /** null: plain HTTP. */
  readonly tls: ServerTls | null;
  /** Who may call, by name; none: callers are asked for neither name nor password. */
  readonly users: ReadonlyMap<string, BcryptHash>;
  /** What it was read from, and what of it must stay the same for this to be still true. */
  readonly files: readonly string[];
  readonly stamp: string;
}

const path = z.string().min(1).max(1024);
const refused = (why: string) =>
  z
    .unknown()
    .optional()
    .superRefine((given, context) => {
      if (given !== undefined)
        context.addIssue({ code: "custom", message: `isn't supported: ${why}` });
    });
const inFile = (key: string) => refused(`write it into a file and name that by ${key}`);
const ownChoice = refused("what Node.js offers by itself counts");
const version = z.enum(["TLS12", "TLS13"], "is TLS12 or TLS13: older ones aren't supported");
const withoutProof = "would take a certificate that nobody vouches for, which proves nothing";

const tlsSchema = z
  .strictObject({
    cert_file: path,
    key_file: path,
    client_ca_file: path.optional(),
    client_auth_type: z
      .enum([
        "NoClientCert",
        "RequestClientCert",
        "RequireAnyClientCert",
        "RequireClientCert",
        "VerifyClientCertIfGiven",
        "RequireAndVerifyClientCert",
      ])
      .refine((type) => !/^(Request|Require)(Any)?ClientCert$/.test(type), withoutProof)
      .default("NoClientCert"),
    client_allowed_sans: z.array(z.string().min(1).max(1024)).max(1000).default([]),
    min_version: version.default("TLS12"),
    max_version: version.default("TLS13"),
    prefer_server_cipher_suites: z.literal(true, "is true: it can't be switched off").optional(),
    cert: inFile("cert_file"),
    key: inFile("key_file"),
    client_ca: inFile("client_ca_file"),
    cipher_suites: ownChoice,
    curve_preferences: ownChoice,
  })
  .superRefine((entry, context) => {
    const complain = (key: string, message: string): void =>
      context.addIssue({ code: "custom", path: [key], message });
    const checks = entry.client_auth_type !== "NoClientCert";
    if (checks && entry.client_ca_file === undefined)
      complain("client_ca_file", `is needed for ${entry.client_auth_type}`);
    if (!checks && entry.client_ca_file !== undefined)
      complain("client_ca_file", "needs client_auth_type: RequireAndVerifyClientCert");
    if (
      entry.client_auth_type !== "RequireAndVerifyClientCert" &&
      entry.client_allowed_sans.length > 0
    )
      complain("client_allowed_sans", "needs client_auth_type: RequireAndVerifyClientCert");
    if (entry.min_version > entry.max_version) complain("min_version", "is above max_version");
  });

const maximumUsers = 1000;
const usersSchema = z
  .record(
    z.string().max(255),
    z
      .string()
      .refine(
        (text) => parseBcrypt(text) !== null,
        `isn't a hash of bcrypt's of cost 4 to ${maximumCost}, as \`htpasswd -nB\` makes it`,
      ),
  )
  .superRefine((users, context) => {
    const names = Object.keys(users);
    for (const name of names.filter((one) => one.includes(":")))
      context.addIssue({ code: "custom", path: [name], message: "a colon would end the name" });
    if (names.length > maximumUsers)
      context.addIssue({ code: "custom", message: `has more than ${maximumUsers} users` });
  });

const sections = {
  tls_server_config: tlsSchema.nullish(),
  http_server_config: refused("HTTP/1.1 is served, and its headers are set already"),
  rate_limit: refused("connections, bodies and wrong tokens are bounded already"),
};
const withUsers = z.strictObject({ ...sections, basic_auth_users: usersSchema.nullish() });
const withoutUsers = z.strictObject({
  ...sections,
  basic_auth_users: refused("callers show a token instead of a name and a password"),
});

/** Throws ConfigError for the file, TLS_UNUSABLE for what it names. `takesUsers`: callers may show a name and a password. */
export function loadWebConfig(file: string, { takesUsers }: { takesUsers: boolean }): WebConfig {
  // Before anything is read, here and below: what is written in between is then noticed.
  const ownStamp = stampOfAll([file]);
  const { tls_server_config: entry, basic_auth_users: found } = takesUsers
    ? loadConfigFile(file, withUsers)
    : { ...loadConfigFile(file, withoutUsers), basic_auth_users: null };
  const users = new Map(
    Object.entries(found ?? {}).flatMap(([name, text]) => {
      const hash = parseBcrypt(text);
      return hash ? [[name, hash] as const] : [];
    }),
  );
  if (!entry) return { tls: null, users, files: [file], stamp: ownStamp };
  const beside = (name: string): string => resolve(dirname(file), name);
  const certificateFile = beside(entry.cert_file);
  const keyFile = beside(entry.key_file);
  const authorityFile = entry.client_ca_file === undefined ? "" : beside(entry.client_ca_file);
  const files = [certificateFile, keyFile, ...(authorityFile === "" ? [] : [authorityFile])];
  const stamp = `${ownStamp},${stampOfAll(files)}`;
  const [cert, key, ca] = files.map(readTlsFile);
  if (!cert || !key) throw new RangeError("a certificate and its key are always named");
  checkTls({ cert, key, ...(ca && { ca }) }, files.join(", "));
  return {
    files: [file, ...files],
    stamp,
    users,
    tls: {
      context: {
        cert,
        key,
        ...(ca && { ca }),
        minVersion: nodeVersions[entry.min_version],
        maxVersion: nodeVersions[entry.max_version],
      },
      requestCert: entry.client_auth_type !== "NoClientCert",
      rejectUnauthorized: entry.client_auth_type === "RequireAndVerifyClientCert",
      allowedNames: entry.client_allowed_sans,
    },
  };
}

const nodeVersions = { TLS12: "TLSv1.2", TLS13: "TLSv1.3" } as const;

/** Whether the caller's certificate will do; Node.js has refused those that must be vouched for and aren't. */
export function mayConnect(socket: TLSSocket, { requestCert, allowedNames }: ServerTls): boolean {
  if (!requestCert) return true;
  const certificate = socket.getPeerCertificate();
  const given = Object.keys(certificate).length > 0;
  if (given && !socket.authorized) return false;
  if (allowedNames.length === 0) return true;
  const names = namesOf(certificate.subjectaltname ?? "");
  return allowedNames.some((name) => names.includes(name));
}

/** `DNS:a, IP Address:192.0.2.1, URI:spiffe://b, email:c@d`; a name with a comma in it comes quoted, and matches nothing. */
function namesOf(alternatives: string): string[] {
  return alternatives.split(", ").map((one) => one.replace(/^[^:]*:/, ""));
}
