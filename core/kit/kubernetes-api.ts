/**
 * Questions to the Kubernetes API with a pod's service account (kubernetes.io/docs: "Accessing the API from within a Pod").
 * Its files are read for each question: the token is exchanged every hour.
 */
import { readFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { request as secureRequest } from "node:https";
import { join } from "node:path";
import { singleLine, systemCode, WarpwatchError } from "./errors.ts";

export interface KubernetesAccess {
  readonly api: string;
  /** Where the pod's service account is mounted: `token`, `ca.crt`, `namespace`. */
  readonly accountFolder: string;
}

export const ownKubernetes: KubernetesAccess = {
  api: "https://kubernetes.default.svc",
  accountFolder: "/var/run/secrets/kubernetes.io/serviceaccount",
};

export interface KubernetesRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The answer's body is still to be read. Throws TARGET_REFUSED for any status but 200, with `gone` in its cause for 410. */
export async function askKubernetes(
  { api, accountFolder }: KubernetesAccess,
  { path, query, signal }: KubernetesRequest,
): Promise<IncomingMessage> {
  const url = new URL(path, api);
  for (const [name, value] of Object.entries(query))
    if (value !== "") url.searchParams.set(name, value);
  const secure = url.protocol === "https:";
  const headers = {
    accept: "application/json",
    authorization: `Bearer ${readAccount(accountFolder, "token")}`,
    "user-agent": "Warpwatch",
  };
  const ca = secure ? { ca: readAccount(accountFolder, "ca.crt") } : {};
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // A connection of its own: one that streams for minutes is not to be shared.
    const sent = (secure ? secureRequest : request)(
      url,
      { headers, signal, agent: false, ...ca },
      resolve,
    );
    // A dead peer says nothing: the system has to ask it.
    sent.on("socket", (socket) => socket.setKeepAlive(true, 30_000));
    sent.on("error", (cause) => reject(unreachable(url, cause)));
    sent.end();
  });
  if (response.statusCode === 200) return response;
  response.destroy();
  throw refused(path, response.statusCode ?? 0);
}

/** The namespace that the account belongs to. */
export function ownNamespace({ accountFolder }: KubernetesAccess): string {
  return readAccount(accountFolder, "namespace");
}

export function isGone(thrown: unknown): boolean {
  return thrown instanceof WarpwatchError && thrown.cause === goneStatus;
}

const goneStatus = 410;

/** The state that was asked for is too old to go on from. */
export function gone(): WarpwatchError {
  const sentence = "the API server no longer has the state that was asked for";
  return new WarpwatchError("TARGET_REFUSED", sentence, { cause: goneStatus });
}

function refused(path: string, status: number): WarpwatchError {
  if (status === goneStatus) return gone();
  const why =
    status === 401 || status === 403
      ? `the service account may not list and watch ${path} (status ${status})`
      : `the API server answered ${path} with status ${status}`;
  return new WarpwatchError("TARGET_REFUSED", why);
}

function unreachable(url: URL, cause: Error): WarpwatchError {
  const reason = singleLine(cause.message).slice(0, 200) || systemCode(cause);
  const sentence = `the API server at ${url.host} can't be asked: ${reason}`;
  return new WarpwatchError("TARGET_UNREACHABLE", sentence, { cause });
}

function readAccount(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), "utf8").trim();
  } catch (cause) {
    const sentence = `${join(folder, name)} of the service account can't be read (${systemCode(cause)})`;
    throw new WarpwatchError("TARGET_REFUSED", sentence, { cause });
  }
}
