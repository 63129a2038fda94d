/**
 * A webhook's body in a form of the user's: a JSON value whose texts hold `{{ path }}`, filled from the webhook's own document.
 * A text that is one placeholder and nothing else becomes what the document has there, whatever its type; within a longer text
 * it becomes text. So what is sent is valid JSON, whatever a label holds.
 */
import { z } from "zod";
import { documentKeys, type WebhookDocument } from "./webhook-document.ts";

const placeholder = /\{\{\s*([A-Za-z_][\w.]*)\s*\}\}/g;
const onlyPlaceholder = /^\{\{\s*([A-Za-z_][\w.]*)\s*\}\}$/;
const maximumTemplateCharacters = 65_536;

/** Any JSON value; a placeholder that nothing can stand for is refused by name. */
export const bodyTemplateSchema = z.json().superRefine((template, context) => {
  const text = JSON.stringify(template);
  if (text.length > maximumTemplateCharacters)
    context.addIssue({
      code: "custom",
      message: `is longer than ${maximumTemplateCharacters} characters`,
    });
  for (const [, path = ""] of text.matchAll(placeholder)) {
    const [first = ""] = path.split(".");
    if (!isDocumentKey(first))
      context.addIssue({
        code: "custom",
        message: `{{ ${path} }} stands for nothing: a placeholder begins with ${documentKeys.join(", ")}`,
      });
  }
});

export type BodyTemplate = z.infer<typeof bodyTemplateSchema>;

/** The body as it is sent. */
export function fillBody(template: BodyTemplate, document: WebhookDocument): string {
  return JSON.stringify(fill(template, document));
}

function fill(template: BodyTemplate, document: WebhookDocument): unknown {
  if (typeof template === "string") return fillText(template, document);
  if (Array.isArray(template)) return template.map((each) => fill(each, document));
  if (typeof template !== "object" || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, each]) => [key, fill(each, document)]),
  );
}

function fillText(text: string, document: WebhookDocument): unknown {
  const [, only] = onlyPlaceholder.exec(text) ?? [];
  if (only !== undefined) return find(document, only) ?? null;
  return text.replaceAll(placeholder, (_, path: string) => textOf(find(document, path)));
}

/** Undefined where the document has nothing at the path; a label's name may hold no dot. */
function find(document: WebhookDocument, path: string): unknown {
  let found: unknown = document;
  for (const key of path.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = Reflect.get(found, key);
  }
  return found;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isDocumentKey(key: string): boolean {
  return (documentKeys as readonly string[]).includes(key);
}
