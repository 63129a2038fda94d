import { expect, test } from "vitest";
import { nearest } from "../../../core/kit/nearest.ts";

test("suggests what is near, and nothing when nothing is", () => {
  expect(nearest("quux", ["agent", "collector"])).toBeNull();
  expect(nearest("colector", ["agent", "collector"])).toBe("collector");
});
