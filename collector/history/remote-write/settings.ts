/** Stores that samples are sent to by remote-write; docs/configuration.md tells what each setting does. */
import { z } from "zod";

export interface RemoteStoreSettings {
  /** Names its folder and its metrics. */
  readonly name: string;
  readonly url: URL;
  readonly protocol: "1.0" | "2.0";
  readonly tokenFile: string | null;
  readonly user: { readonly name: string; readonly passwordFile: string } | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Added to every series that has no such label. */
  readonly labels: Readonly<Record<string, string>>;
  readonly timeoutMilliseconds: number;
  /** What waits on disk while the store can't be reached. */
  readonly bufferBytes: number;
}

const mebibyte = 2 ** 20;
const text = z.string().min(1).max(1024);
const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "is not a label name");
/** Those that the protocol needs are its own. */
const headerName = z
  .string()
  .regex(/^[a-zA-Z0-9-]{1,128}$/, "is not a header's name")
  .refine(
    (name) => !/^(content-.*|host|authorization|user-agent|x-prometheus-remote-.*)$/i.test(name),
    "is set by Warpwatch itself",
  );

const storeSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "must be small letters, digits, _ and -"),
    url: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// address" }),
    protocol: z.enum(["1.0", "2.0"]).default("1.0"),
    token_file: text.optional(),
    user: z.strictObject({ name: text, password_file: text }).optional(),
    headers: z.record(headerName, text).default({}),
    labels: z.record(labelName, text).default({}),
    timeout_seconds: z.int().min(1).max(600).default(30),
    buffer_bytes: z
      .int()
      .min(mebibyte)
      .default(1024 * mebibyte),
  })
  .transform((entry): RemoteStoreSettings => ({
    name: entry.name,
    url: new URL(entry.url),
    protocol: entry.protocol,
    tokenFile: entry.token_file ?? null,
    user: entry.user ? { name: entry.user.name, passwordFile: entry.user.password_file } : null,
    headers: entry.headers,
    labels: entry.labels,
    timeoutMilliseconds: entry.timeout_seconds * 1000,
    bufferBytes: entry.buffer_bytes,
  }));

export const remoteStoresSchema = z
  .array(storeSchema)
  .max(8)
  .superRefine((stores, context) => {
    stores.forEach(({ name }, index) => {
      if (stores.findIndex((other) => other.name === name) < index)
        context.addIssue({ code: "custom", path: [index, "name"], message: "is there twice" });
    });
  })
  .default([]);
