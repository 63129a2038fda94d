/** One short request to a process of ours, or to whoever has its port. */
import { request as plainRequest, type IncomingMessage } from "node:http";
import { request as secureRequest } from "node:https";
import { systemCode } from "../../core/kit/errors.ts";
import type { Address } from "./check.ts";

export interface Answer {
  /** 0 where nobody answered. */
  readonly status: number;
  readonly body: string;
  /** Somebody is there and answers none but those who show a certificate. */
  readonly asksForCertificate: boolean;
}

const answerMilliseconds = 2000;
/** No page of ours is longer. */
const maximumCharacters = 8 * 1024 * 1024;
const nobody: Answer = { status: 0, body: "", asksForCertificate: false };

/** By HTTP, or by TLS where that is what is spoken there. The token is shown to none but who asks for it as ours do. */
export async function ask(address: Address, path: string, token = ""): Promise<Answer> {
  const plain = await send(address, path, "http");
  const scheme = plain.status === 0 ? "https" : "http";
  const first = scheme === "http" ? plain : await send(address, path, scheme);
  if (first.status !== 401 || !first.isOurs || token === "") return first;
  return send(address, path, scheme, { authorization: `Bearer ${token}` });
}

interface Received extends Answer {
  readonly isOurs: boolean;
}

function send(
  { host, port }: Address,
  path: string,
  scheme: "http" | "https",
  headers: Readonly<Record<string, string>> = {},
): Promise<Received> {
  const options = {
    host: host === "::" ? "127.0.0.1" : host,
    port,
    path,
    headers,
    agent: false,
    signal: AbortSignal.timeout(answerMilliseconds),
    // It is asked what it is, not trusted.
    rejectUnauthorized: false,
  };
  return new Promise((resolve) => {
    const begin = scheme === "http" ? plainRequest : secureRequest;
    const sent = begin(options, (response) => {
      bodyOf(response).then(
        (body) =>
          resolve({
            status: response.statusCode ?? 0,
            body,
            asksForCertificate: false,
            isOurs: (response.headers["www-authenticate"] ?? "").includes('realm="warpwatch"'),
          }),
        fail,
      );
    });
    function fail(thrown: unknown): void {
      const asksForCertificate = systemCode(thrown).endsWith("CERTIFICATE_REQUIRED");
      resolve({ ...nobody, asksForCertificate, isOurs: false });
    }
    sent.on("error", fail);
    sent.end();
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let body = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    body += String(chunk);
    if (body.length > maximumCharacters) break;
  }
  return body.slice(0, maximumCharacters);
}
