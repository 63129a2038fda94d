/** What the agent loads: its memory is a promise, and each of these would take a tenth of it. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../kit/sources.ts";

const script = `
const resolved = [];
process.getBuiltinModule("node:module").registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    resolved.push(found.url);
    return found;
  },
});
await import(process.argv[1]);
console.log(JSON.stringify([...resolved, ...process.moduleLoadList]));
`;

test("an agent on real hardware loads no schemas, no YAML, no inventory, no prom-client, no simulator, no collector and no HTTP client", () => {
  const command = join(repositoryRoot, "cli/agent.ts");
  const listed = execFileSync(
    process.execPath,
    ["--input-type=module", "--eval", script, "--", command],
    { encoding: "utf8" },
  );
  const loaded = JSON.parse(listed) as string[];
  expect(loaded.some((name) => name.endsWith("/agent/sampler.ts"))).toBe(true);
  expect(loaded).toContain("NativeModule http");
  const dear =
    /\/node_modules\/(zod|yaml|fastify|systeminformation|prom-client)\/|\/collector\/|\/simulator\/(fleet|script)|undici/;
  expect(loaded.filter((name) => dear.test(name))).toEqual([]);
});
