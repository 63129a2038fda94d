import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { generatedPages } from "../../scripts/pages.ts";
import { repositoryRoot } from "../kit/sources.ts";

const pages = await generatedPages();

describe("the generated pages", () => {
  it.each([...pages])("%s is what `npm run generate` writes", (path, text) => {
    expect(readFileSync(join(repositoryRoot, path), "utf8"), "run `npm run generate`").toBe(text);
  });
});
