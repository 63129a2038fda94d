import { expect, it } from "vitest";
import { createBasicAuth } from "../../../core/kit/basic-auth.ts";
import { parseBcrypt, type BcryptHash } from "../../../core/kit/bcrypt.ts";
import { emptyHash, secretHash } from "../../kit/passwords.ts";

function users(entries: Readonly<Record<string, string>>): ReadonlyMap<string, BcryptHash> {
  return new Map(
    Object.entries(entries).map(([name, text]) => {
      const hash = parseBcrypt(text);
      if (!hash) throw new Error(`${text} isn't a hash`);
      return [name, hash];
    }),
  );
}

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

const fleet = users({ prometheus: secretHash, nobody: emptyHash });

it.each([
  [basic("prometheus", "secret"), "right"],
  [basic("nobody", ""), "right"],
  [basic("prometheus", "Secret"), "wrong"],
  [basic("prometheus", ""), "wrong"],
  [basic("stranger", "secret"), "wrong"],
  [basic("", ""), "wrong"],
  ["Bearer secret", "wrong"],
  ["Basic ", "wrong"],
  [`Basic ${Buffer.from("prometheus").toString("base64")}`, "wrong"],
  [undefined, "wrong"],
])("judges %j", async (authorization, verdict) => {
  const auth = createBasicAuth();
  expect(await auth.judge(authorization, fleet)).toBe(verdict);
  // And once more, when what was right is remembered.
  expect(await auth.judge(authorization, fleet)).toBe(verdict);
});

it("answers at once for a password that was right before, until the file has another", async () => {
  const auth = createBasicAuth();
  const authorization = basic("prometheus", "secret");
  await auth.judge(authorization, fleet);
  expect(auth.judge(authorization, fleet)).toBe("right");
  expect(await auth.judge(authorization, users({ prometheus: emptyHash }))).toBe("wrong");
  expect(await auth.judge(authorization, users({ other: secretHash }))).toBe("wrong");
});

it("lets few wait, counts the same question once, and takes up again when they are done", async () => {
  const auth = createBasicAuth();
  const asked = Array.from({ length: 12 }, async (_, index) =>
    auth.judge(basic("prometheus", `guess-${index}`), fleet),
  );
  const again = auth.judge(basic("prometheus", "guess-0"), fleet);
  const verdicts = await Promise.all(asked);
  expect(verdicts.filter((verdict) => verdict === "wrong")).toHaveLength(8);
  expect(verdicts.filter((verdict) => verdict === "busy")).toHaveLength(4);
  expect(await again).toBe("wrong");
  expect(await auth.judge(basic("prometheus", "secret"), fleet)).toBe("right");
});
