import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { generatedArtifacts, generatedFolders } from "../../scripts/artifacts.ts";
import { repositoryRoot } from "../kit/sources.ts";

const artifacts = generatedArtifacts();

describe("the generated boards, rules and manifests", () => {
  it.each([...artifacts])("%s is what `npm run generate` writes", (path, text) => {
    expect(readFileSync(join(repositoryRoot, path), "utf8")).toBe(text);
  });

  it("are all that is in their folders", () => {
    const found = generatedFolders.flatMap((folder) =>
      readdirSync(join(repositoryRoot, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) =>
          join(entry.parentPath, entry.name).slice(repositoryRoot.length).replace(/^\//, ""),
        ),
    );
    expect(found.filter((path) => !artifacts.has(path))).toEqual([]);
  });
});
