/** Who may call what: one default-deny route table for both HTTP servers, with Host and Origin checked on every request. */
import { timingSafeEqual, createHash } from "node:crypto";

/** Each role may do what the ones before it may. */
export type Role = "viewer" | "operator" | "admin";

export interface RouteRule {
  readonly method: "GET" | "POST" | "DELETE";
  /** Exact path, or a prefix when it ends in `/*`. */
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
}

export type AccessDecision =
  | { readonly allowed: true; readonly rule: RouteRule }
  | {
      readonly allowed: false;
      readonly status: 400 | 401 | 403 | 404 | 405;
      readonly sentence: string;
    };

export interface AccessOptions {
  readonly routes: readonly RouteRule[];
  /** Names and addresses (without port) by which this server may be called; loopback names are always among them. */
  readonly hosts?: readonly string[];
  /** Tokens by role; compared in constant time. */
  readonly tokens?: Readonly<Partial<Record<Role, string>>>;
}

const roles: readonly Role[] = ["viewer", "operator", "admin"];
const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** A function that judges one request. What no route names is refused. */
export function createAccess(options: AccessOptions): (request: AccessRequest) => AccessDecision {
  const hosts = new Set([
    ...loopbackHosts,
    ...(options.hosts ?? []).map((host) => host.toLowerCase()),
  ]);
  const refuse = (status: 400 | 401 | 403 | 404 | 405, sentence: string): AccessDecision => ({
    allowed: false,
    status,
    sentence,
  });
  return (request) => {
    const host = hostName(request.host);
    if (host === null) return refuse(400, "the Host header is missing or malformed");
    if (!hosts.has(host))
      return refuse(403, "this server isn't called by that name; see --web.host");
    if (request.origin !== undefined && !isSameOrigin(request.origin, request.host ?? ""))
      return refuse(403, "requests from other sites are refused");
    const path = request.url.split("?", 1)[0] ?? "";
    const matching = options.routes.filter((rule) => matches(rule.path, path));
    const rule = matching.find((candidate) => candidate.method === methodOf(request.method));
    if (!rule)
      return matching.length > 0
        ? refuse(405, "that method isn't allowed here")
        : refuse(404, "no such page; / lists what there is");
    if (rule.openOnLoopback === true && isLoopback(request.remoteAddress))
      return { allowed: true, rule };
    const role = roleOf(request.authorization, options.tokens ?? {});
    if (role === null) return refuse(401, "a token is needed: Authorization: Bearer <token>");
    if (roles.indexOf(role) < roles.indexOf(rule.role))
      return refuse(403, `this needs the role ${rule.role}`);
    return { allowed: true, rule };
  };
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  return address === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}

function methodOf(method: string): string {
  return method === "HEAD" ? "GET" : method;
}

function matches(pattern: string, path: string): boolean {
  return pattern.endsWith("/*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

function hostName(host: string | undefined): string | null {
  const match = /^(\[[0-9a-f:]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host ?? "");
  return match ? (match[1] ?? "").toLowerCase() : null;
}

function isSameOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

function roleOf(
  authorization: string | undefined,
  tokens: Readonly<Partial<Record<Role, string>>>,
): Role | null {
  const given = /^Bearer ([\w.~+/-]{1,512}=*)$/i.exec(authorization ?? "")?.[1];
  if (given === undefined) return null;
  let found: Role | null = null;
  for (const role of roles) {
    const token = tokens[role];
    if (token !== undefined && timingSafeEqual(digest(token), digest(given))) found = role;
  }
  return found;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
