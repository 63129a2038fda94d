/**
 * Names and passwords of HTTP's callers (RFC 7617), judged by bcrypt's hashes. That is slow on purpose: one is reckoned
 * at a time, few may wait, and what was right is remembered.
 */
import { createHash } from "node:crypto";
import { matchesBcrypt, type BcryptHash } from "./bcrypt.ts";

/** `busy`: too many others wait for theirs to be judged. */
export type SignIn = "right" | "wrong" | "busy";

export interface BasicAuth {
  judge(
    authorization: string | undefined,
    users: ReadonlyMap<string, BcryptHash>,
  ): SignIn | Promise<SignIn>;
}

const maximumWaiting = 8;
const maximumRemembered = 100;

export function createBasicAuth(): BasicAuth {
  const right = new Set<string>();
  const waiting = new Map<string, Promise<boolean>>();
  let turn: Promise<unknown> = Promise.resolve();

  return {
    judge(authorization, users) {
      const given = credentialsOf(authorization);
      // Who isn't known takes as long as who is.
      const [anyone] = users.values();
      if (!given || !anyone) return "wrong";
      const hash = users.get(given.name);
      const key = keyOf(given, hash);
      if (right.has(key)) return "right";
      const known = waiting.get(key);
      if (!known && waiting.size >= maximumWaiting) return "busy";
      const found = known ?? reckon(given.password, hash ?? anyone, key);
      return found.then((matched) => {
        if (!matched || !hash) return "wrong";
        remember(key);
        return "right";
      });
    },
  };

  function reckon(password: string, hash: BcryptHash, key: string): Promise<boolean> {
    const found = turn.then(() => matchesBcrypt(password, hash)).finally(() => waiting.delete(key));
    turn = found.catch(() => undefined);
    waiting.set(key, found);
    return found;
  }

  function remember(key: string): void {
    const [oldest] = right;
    if (right.size >= maximumRemembered && oldest !== undefined) right.delete(oldest);
    right.add(key);
  }
}

interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** Null where none are given, or where they aren't written as they should be. */
function credentialsOf(authorization: string | undefined): Credentials | null {
  const encoded = /^Basic ([\w+/-]{1,2048}=*)$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? null : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** With the hash in it, so that another password in the file ends what was right before. */
function keyOf({ name, password }: Credentials, hash: BcryptHash | undefined): string {
  const parts = [
    name,
    password,
    hash ? `${hash.cost}` : "",
    ...(hash ? [hash.salt, hash.digest] : []),
  ];
  const sum = createHash("sha256");
  for (const part of parts) sum.update(createHash("sha256").update(part).digest());
  return sum.digest("base64");
}
