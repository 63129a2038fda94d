/** One short request to a process of ours, or to whoever has its port. */
import type { Address } from "./check.ts";

export interface Answer {
  /** 0 where nobody answered. */
  readonly status: number;
  readonly body: string;
}

const answerMilliseconds = 2000;
/** No page of ours is longer. */
const maximumCharacters = 8 * 1024 * 1024;

export async function ask(address: Address, path: string, token = ""): Promise<Answer> {
  const host = address.host === "::" ? "127.0.0.1" : address.host;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${address.port}${path}`;
  try {
    const response = await fetch(url, {
      headers: token === "" ? {} : { authorization: `Bearer ${token}` },
      redirect: "manual",
      signal: AbortSignal.timeout(answerMilliseconds),
    });
    const body = await response.text();
    return { status: response.status, body: body.slice(0, maximumCharacters) };
  } catch {
    return { status: 0, body: "" };
  }
}
