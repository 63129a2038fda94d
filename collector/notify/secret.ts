/** Secrets of notifiers: given directly or in a file; they never print, whoever prints the configuration. */
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { z } from "zod";
import { systemCode, WarpwatchError } from "../../core/kit/errors.ts";

export interface Secret {
  /** A secret in a file is read each time, so that it can be changed without a restart. Throws CONFIG_UNREADABLE. */
  reveal(): string;
}

const hidden = "<secret>";
const maximumCharacters = 4096;

/** A secret written in the configuration itself. */
export const secretSchema = z
  .string()
  .min(1, "must not be empty")
  .max(maximumCharacters)
  .transform((text) => createSecret(() => text));

/** A path to a file that holds nothing but the secret; it must be readable at the start. */
export const secretFileSchema = z.string().transform((file, context) =>
  checked(
    createSecret(() => readSecretFile(file)),
    context,
  ),
);

/** A path to a file that holds nothing but a web address, secret because whoever knows it may post. */
export const secretUrlFileSchema = z.string().transform((file, context) =>
  checked(
    createSecret(() => readSecretUrl(file)),
    context,
  ),
);

function readSecretUrl(file: string): string {
  const text = readSecretFile(file);
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return text;
  throw new WarpwatchError(
    "CONFIG_INVALID_VALUE",
    `the secret file ${file} doesn't hold an http:// or https:// address`,
  );
}

/** The secret as it is, with an issue where it can't be read now. */
function checked(secret: Secret, context: z.RefinementCtx): Secret {
  try {
    secret.reveal();
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : "can't be read";
    context.addIssue({ code: "custom", message });
  }
  return secret;
}

function createSecret(reveal: () => string): Secret {
  return Object.freeze({
    reveal,
    toString: () => hidden,
    toJSON: () => hidden,
    [inspect.custom]: () => hidden,
  });
}

function readSecretFile(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (cause) {
    const sentence = `the secret file ${file} can't be read (${systemCode(cause) || "unknown reason"})`;
    throw new WarpwatchError("CONFIG_UNREADABLE", sentence, { cause });
  }
  if (text === "" || text.length > maximumCharacters)
    throw new WarpwatchError(
      "CONFIG_INVALID_VALUE",
      `the secret file ${file} is empty or too long`,
    );
  return text;
}
