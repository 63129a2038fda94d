/** What a job shows its targets: a token or a name with a password, from a file that is read for each request. */
import { readFileSync } from "node:fs";
import { systemCode, WarpwatchError } from "../../../core/kit/errors.ts";

/** A file, or the secret itself where the configuration has it, as Prometheus allows. */
export interface Secret {
  readonly file: string;
  readonly text: string;
}

export type Credentials =
  | { readonly kind: "token"; readonly scheme: string; readonly secret: Secret }
  | { readonly kind: "basic"; readonly user: string; readonly secret: Secret };

/** Headers for a request. Read anew each time: who exchanges a token need not restart the collector. Throws TARGET_REFUSED. */
export function authorizationOf(
  credentials: Credentials | undefined,
): Readonly<Record<string, string>> {
  if (credentials === undefined) return {};
  const secret = read(credentials.secret);
  if (credentials.kind === "token") return { authorization: `${credentials.scheme} ${secret}` };
  const pair = Buffer.from(`${credentials.user}:${secret}`).toString("base64");
  return { authorization: `Basic ${pair}` };
}

function read({ file, text }: Secret): string {
  if (file === "") return text;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    const sentence = `the file ${file} with its secret can't be read (${systemCode(cause)})`;
    throw new WarpwatchError("TARGET_REFUSED", sentence, { cause });
  }
}
