import { expect, it } from "vitest";
import { matchesBcrypt, parseBcrypt } from "../../../core/kit/bcrypt.ts";

// Made by libxcrypt.
const tenDigits = "0123456789";
const hashes = [
  ["secret", "$2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u"],
  ["", "$2b$04$......................w74bL5gU7LSJClZClCa.Pkz14aTv/XO"],
  ["pässwört-€", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.Zb8Sf11DbcVbWyDEkNflJVBf3aUafbq"],
  [tenDigits.repeat(8), "$2a$06$abcdefghijklmnopqrstuurXMo7KFlreh8AFRgdGuhDoy0RFM3iha"],
  [`${tenDigits.repeat(7)}01`, "$2a$06$abcdefghijklmnopqrstuurXMo7KFlreh8AFRgdGuhDoy0RFM3iha"],
] as const;

function parsed(hash: string) {
  const found = parseBcrypt(hash);
  if (!found) throw new Error(`${hash} isn't read`);
  return found;
}

it.each(hashes)("knows %j by the hash that another library made of it", async (password, hash) => {
  expect(await matchesBcrypt(password, parsed(hash))).toBe(true);
  expect(await matchesBcrypt(`${password.slice(0, 40)}x`, parsed(hash))).toBe(false);
});

it("lets others have their turn while it reckons", async () => {
  let turns = 0;
  let running = true;
  const count = (): void => {
    turns += 1;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  await matchesBcrypt("secret", parsed(hashes[0][1]));
  running = false;
  expect(turns).toBeGreaterThan(20);
});

it.each([
  "",
  "secret",
  "$2x$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u",
  "$1$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u",
  "$2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2",
  "$2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u ",
  "$2b$10$abcdefghijklmnop_rstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u",
  "$2b$03$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u",
  "$2b$16$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u",
])("doesn't take %j for a hash", (text) => {
  expect(parseBcrypt(text)).toBeNull();
});
