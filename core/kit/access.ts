/** Who may call what: one default-deny route table for both HTTP servers, with Host and Origin checked on every request. */
import { createHash, timingSafeEqual } from "node:crypto";
import { createAttemptLimit, type AttemptLimit } from "./attempt-limit.ts";
import type { Clock } from "./clock.ts";

/**
 * Each of the last three may do what the ones before it may. `push` stands apart: it brings measurements in and reads
 * nothing, so that the token on every node opens no door but that one.
 */
export type Role = "push" | "viewer" | "operator" | "admin";

export interface RouteRule {
  readonly method: "GET" | "POST" | "DELETE";
  /** Exact path, or a prefix when it ends in `/*`; of several that match, the longest decides. */
  readonly path: string;
  readonly role: Role;
  /** Without a token when the caller is on loopback: metrics and health only. */
  readonly openOnLoopback?: boolean;
}

export interface AccessRequest {
  readonly method: string;
  /** The request target as it came, query included. */
  readonly url: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly remoteAddress: string | undefined;
  /** The address the connection came in on: a caller may always name it. */
  readonly localAddress?: string | undefined;
  /** Whether the caller's name and password are right; null: nobody is asked for them. */
  readonly signedIn?: boolean | null;
  /** What it came over: a token that was right on it isn't digested again when it comes again. */
  readonly connection?: object;
}

export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 429;

export type AccessDecision =
  | { readonly allowed: true; readonly rule: RouteRule }
  | {
      readonly allowed: false;
      readonly status: RefusalStatus;
      readonly sentence: string;
    };

export interface AccessOptions {
  readonly routes: readonly RouteRule[];
  /** Names and addresses (without port) by which this server may be called; loopback names are always among them. */
  readonly hosts?: readonly string[];
  /** Tokens by role; compared in constant time. */
  readonly tokens?: Readonly<Partial<Record<Role, string>>>;
  /** What is open on loopback is open to whoever reaches this server, by whatever name: the operator asked for it. */
  readonly openEverywhere?: boolean;
  /** Times the wrong tokens: an address that sent ten within a minute is refused until the minute is over. */
  readonly clock?: Clock;
  /** Where those are counted, for one who counts with it; its own if not given. */
  readonly attempts?: AttemptLimit;
}

const roles: readonly Role[] = ["push", "viewer", "operator", "admin"];
const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** A function that judges one request. What no route names is refused. */
export function createAccess(options: AccessOptions): (request: AccessRequest) => AccessDecision {
  const hosts = new Set([
    ...loopbackHosts,
    ...(options.hosts ?? []).map((host) => host.toLowerCase()),
  ]);
  const routes = options.routes.toSorted((one, other) => other.path.length - one.path.length);
  const roleBy = createTokenJudge(options.tokens ?? {});
  // The paths that are spelled out are asked for most.
  const exact = new Map(
    routes
      .filter(({ path }) => isPlainPath(path) && !path.endsWith("/*"))
      .map(({ path }) => [path, closestOf(routes, path)]),
  );
  const { openEverywhere = false } = options;
  const isOpen = ({ remoteAddress }: AccessRequest): boolean =>
    openEverywhere || isLoopback(remoteAddress);
  const attempts = options.attempts ?? (options.clock ? createAttemptLimit(options.clock) : null);

  return (request) => {
    const host = hostName(request.host);
    if (host === null) return refuse(400, "the Host header is missing or malformed");
    if (!openEverywhere && !hosts.has(host) && host !== bracketed(request.localAddress))
      return refuse(403, "this server isn't called by that name; see --web.host");
    if (request.origin !== undefined && !isSameOrigin(request.origin, request.host ?? ""))
      return refuse(403, "requests from other sites are refused");
    const path = request.url.split("?", 1)[0] ?? "";
    const closest = exact.get(path) ?? (isPlainPath(path) ? closestOf(routes, path) : null);
    if (closest === null) return refuse(400, "the path isn't written plainly");
    const rule = closest.find((candidate) => candidate.method === methodOf(request.method));
    if (!rule)
      return closest.length > 0
        ? refuse(405, "that method isn't allowed here")
        : refuse(404, "no such page; / lists what there is");
    const asked = typeof request.signedIn === "boolean";
    if (rule.openOnLoopback === true && !asked && isOpen(request)) return { allowed: true, rule };
    if (request.signedIn === true && mayActAs("viewer", rule.role)) return { allowed: true, rule };
    return judgeToken(request, rule, asked);
  };

  function judgeToken(request: AccessRequest, rule: RouteRule, asked: boolean): AccessDecision {
    if (request.authorization === undefined)
      return refuse(
        401,
        asked
          ? "a name and a password are needed, or a token: Authorization: Bearer <token>"
          : "a token is needed: Authorization: Bearer <token>",
      );
    const address = request.remoteAddress ?? "";
    if (attempts?.isBlocked(address) === true)
      return refuse(429, "too many wrong tokens from this address; wait a minute");
    const role = roleBy(request.authorization, rule.role === "push", request.connection);
    if (role === null) {
      attempts?.failed(address);
      return refuse(
        401,
        asked ? "that name or password isn't right" : "that token isn't valid here",
      );
    }
    if (!mayActAs(role, rule.role)) return refuse(403, `this needs the role ${rule.role}`);
    return { allowed: true, rule };
  }
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  return address === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}

function mayActAs(role: Role, needed: Role): boolean {
  if (role === "admin" || role === needed) return true;
  return role !== "push" && needed !== "push" && roles.indexOf(role) > roles.indexOf(needed);
}

function refuse(status: RefusalStatus, sentence: string): AccessDecision {
  return { allowed: false, status, sentence };
}

function methodOf(method: string): string {
  return method === "HEAD" ? "GET" : method;
}

function matches(pattern: string, path: string): boolean {
  return pattern.endsWith("/*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

function closestOf(routes: readonly RouteRule[], path: string): readonly RouteRule[] {
  const matching = routes.filter((rule) => matches(rule.path, path));
  return matching.filter((rule) => rule.path === matching[0]?.path);
}

/**
 * Begins with a slash and has no empty, `.` or `..` segment, no backslash and no character that somebody could
 * decode into one: what is judged here and what a handler or a proxy makes of it is then the same path.
 */
function isPlainPath(path: string): boolean {
  if (!/^\/[\w.~!$&'()*+,;=:@/%-]*$/.test(path)) return false;
  if (/%(?![0-9a-f]{2})|%(2e|2f|5c|25|[01][0-9a-f]|7f)/i.test(path)) return false;
  const segments = path.slice(1).split("/");
  return segments.every(
    (segment, index) =>
      segment !== "." && segment !== ".." && (segment !== "" || index === segments.length - 1),
  );
}

function hostName(host: string | undefined): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host ?? "");
  return match ? (match[1] ?? "").toLowerCase() : null;
}

/** An address as it stands in a Host header; one that is IPv4 in IPv6's clothes, as IPv4. */
function bracketed(address: string | undefined): string | null {
  if (address === undefined) return null;
  const bare = address.replace(/^::ffff:(?=\d+\.)/, "").replace(/%.*$/, "");
  return bare.includes(":") ? `[${bare}]` : bare;
}

function isSameOrigin(origin: string, host: string): boolean {
  const wanted = host.toLowerCase();
  return origin === `http://${wanted}` || origin === `https://${wanted}`;
}

/**
 * The role of a header's token. What was right is remembered with its connection, and no longer than that; since a proxy
 * may send several callers' requests over one, what comes next is compared with it in constant time as well.
 */
function createTokenJudge(given: NonNullable<AccessOptions["tokens"]>) {
  const tokens = digestTokens(given);
  const known = new WeakMap<object, { header: Buffer; mayBePassword: boolean; role: Role }>();
  return (authorization: string, mayBePassword: boolean, connection?: object): Role | null => {
    if (connection === undefined) return roleOf(authorization, tokens, mayBePassword);
    const header = Buffer.from(authorization);
    const last = known.get(connection);
    if (last?.mayBePassword === mayBePassword && isSame(last.header, header)) return last.role;
    const role = roleOf(authorization, tokens, mayBePassword);
    if (role !== null) known.set(connection, { header, mayBePassword, role });
    return role;
  };
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function roleOf(
  authorization: string,
  tokens: ReadonlyMap<Role, Buffer>,
  mayBePassword: boolean,
): Role | null {
  const bearer = /^Bearer ([\w.~+/-]{1,512}=*)$/i.exec(authorization)?.[1];
  const given = mayBePassword ? (bearer ?? passwordOf(authorization)) : bearer;
  if (given === undefined) return null;
  const digested = digest(given);
  let found: Role | null = null;
  for (const role of roles) {
    const token = tokens.get(role);
    if (token !== undefined && timingSafeEqual(token, digested)) found = role;
  }
  return found;
}

/** Senders that know no other way give the token as a password, with any name; nowhere else, since browsers keep those. */
function passwordOf(authorization: string): string | undefined {
  const given = /^Basic ([\w+/-]{1,2048}=*)$/i.exec(authorization)?.[1];
  if (given === undefined) return undefined;
  return /^[^:]*:(.+)$/s.exec(Buffer.from(given, "base64").toString("utf8"))?.[1];
}

/** An empty token would let everybody in that sends one: it is as if there were none. */
function digestTokens(tokens: Readonly<Partial<Record<Role, string>>>): ReadonlyMap<Role, Buffer> {
  const digests = new Map<Role, Buffer>();
  for (const role of roles) {
    const token = tokens[role];
    if (token !== undefined && token !== "") digests.set(role, digest(token));
  }
  return digests;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
