/**
 * A stand-in for the Kubernetes API server over real HTTP or HTTPS: lists in pages, watches that stream, bookmarks, and
 * versions that are forgotten (status 410), as "Kubernetes API Concepts" describes them.
 */
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { KubernetesAccess } from "../../core/kit/kubernetes-api.ts";
import type { KubernetesObject } from "../../core/kit/kubernetes-watch.ts";
import { makeFolder } from "../kit/folder.ts";

export interface Asked {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
}

export interface StandInApi {
  readonly access: KubernetesAccess;
  readonly asked: Asked[];
  /** Adds or changes an object; watches hear of it. `resource`: the path's last part, `pods`. */
  put(resource: string, object: StandInObject): void;
  remove(resource: string, name: string, namespace?: string): void;
  /** Sends a bookmark on every watch. */
  bookmark(): void;
  /** Watches that are open now. */
  watches(): number;
  /** Ends every watch, as a server that restarts does. */
  cut(): void;
  /** Nothing older than now can be watched from, and open watches are told so. */
  forget(): void;
  /** Every question is answered with this status; null: as it should be. */
  fail(status: number | null): void;
  /** Resources that the account may not see: status 403. */
  readonly forbidden: Set<string>;
  /** Objects on a page of a list; the caller's limit where it is smaller. */
  pageItems: number;
}

export interface StandInObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

interface Watch {
  readonly url: URL;
  readonly response: ServerResponse;
}

interface StandInOptions {
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer; readonly ca: Buffer };
}

export async function startStandInApi({ tls }: StandInOptions = {}): Promise<StandInApi> {
  const stored = new Map<string, KubernetesObject & StandInObject>();
  const watches = new Set<Watch>();
  const asked: Asked[] = [];
  const history: { type: string; key: string; object: StandInObject; version: number }[] = [];
  let version = 100;
  let oldest = 0;
  let failing: number | null = null;

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", "http://api");
    const query = Object.fromEntries(url.searchParams);
    asked.push({ path: url.pathname, query, authorization: request.headers.authorization });
    if (api.forbidden.has(url.pathname.split("/").at(-1) ?? "")) response.writeHead(403).end("{}");
    else if (failing !== null) response.writeHead(failing).end("{}");
    else if (query["watch"] === "1") watch(url, response);
    else list(url, response);
  }

  function list(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get("continue") ?? 0);
    const limit = Math.min(Number(url.searchParams.get("limit") ?? 500), api.pageItems);
    const all = [...stored].filter(([key, object]) => isWanted(url, key, object));
    const items = all.slice(from, from + limit).map(([, object]) => object);
    const next = from + limit < all.length ? String(from + limit) : "";
    const metadata = { resourceVersion: String(version), continue: next };
    response.writeHead(200).end(JSON.stringify({ items, metadata }));
  }

  function watch(url: URL, response: ServerResponse): void {
    if (Number(url.searchParams.get("resourceVersion")) < oldest) {
      response.writeHead(410).end("{}");
      return;
    }
    response.writeHead(200).flushHeaders();
    const open = { url, response };
    for (const { type, key, object, version: its } of history)
      if (its > Number(url.searchParams.get("resourceVersion"))) send(open, type, key, object);
    watches.add(open);
    response.on("close", () => watches.delete(open));
  }

  function tell(type: string, key: string, object: StandInObject): void {
    history.push({ type, key, object, version });
    for (const open of watches) send(open, type, key, object);
  }

  function send({ url, response }: Watch, type: string, key: string, object: StandInObject): void {
    if (isWanted(url, key, object)) response.write(`${JSON.stringify({ type, object })}\n`);
  }

  function endAll(last: string): void {
    for (const { response } of watches) response.end(last);
    watches.clear();
  }

  const server = tls ? createSecureServer(tls, answer) : createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const api: StandInApi = {
    access: {
      api: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
      accountFolder: makeAccount(tls?.ca),
    },
    asked,
    forbidden: new Set(),
    pageItems: 500,
    put(resource, object) {
      version += 1;
      const key = keyOf(resource, object.metadata.namespace, object.metadata.name);
      const metadata = { ...object.metadata, resourceVersion: String(version) };
      const type = stored.has(key) ? "MODIFIED" : "ADDED";
      stored.set(key, { ...object, metadata });
      tell(type, key, { ...object, metadata });
    },
    remove(resource, name, namespace) {
      version += 1;
      const key = keyOf(resource, namespace, name);
      const object = stored.get(key);
      if (!object) throw new Error(`there is no ${key}`);
      stored.delete(key);
      tell("DELETED", key, {
        ...object,
        metadata: { ...object.metadata, resourceVersion: String(version) },
      });
    },
    bookmark() {
      version += 1;
      const object = { metadata: { resourceVersion: String(version) } };
      for (const { response } of watches)
        response.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
    },
    watches: () => watches.size,
    cut: () => endAll(""),
    forget() {
      version += 1;
      oldest = version;
      const object = { kind: "Status", code: 410, message: "too old resource version" };
      endAll(`${JSON.stringify({ type: "ERROR", object })}\n`);
    },
    fail(status) {
      failing = status;
      if (status !== null) for (const { response } of watches) response.destroy();
    },
  };
  return api;
}

function keyOf(resource: string, namespace: string | undefined, name: string): string {
  return `${resource}/${namespace ?? ""}/${name}`;
}

/** Path and label selector (`a=b`, joined by commas) choose. */
function isWanted(url: URL, key: string, { metadata }: StandInObject): boolean {
  const [resource = "", namespace = ""] = key.split("/");
  const within = /\/namespaces\/([^/]+)\//.exec(url.pathname)?.[1];
  if (url.pathname.split("/").at(-1) !== resource) return false;
  if (within !== undefined && within !== namespace) return false;
  const selector = url.searchParams.get("labelSelector") ?? "";
  return selector
    .split(",")
    .filter((part) => part !== "")
    .every((part) => {
      const [label = "", value = ""] = part.split("=");
      return metadata.labels?.[label] === value;
    });
}

function makeAccount(authority: Buffer | undefined): string {
  const folder = join(makeFolder(), "account");
  mkdirSync(folder);
  writeFileSync(join(folder, "token"), "account-token\n");
  writeFileSync(join(folder, "namespace"), "watch\n");
  if (authority) writeFileSync(join(folder, "ca.crt"), authority);
  return folder;
}
