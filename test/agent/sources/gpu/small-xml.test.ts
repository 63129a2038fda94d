import * as fc from "fast-check";
import { expect, test } from "vitest";
import { childAt, readXml, walkLeaves } from "../../../../agent/sources/gpu/small-xml.ts";
import { WarpwatchError } from "../../../../core/kit/errors.ts";
import { reportGpu, reportXml } from "../../../kit/nvidia-smi-report.ts";

function leavesOf(text: string): [string, string][] {
  const leaves: [string, string][] = [];
  walkLeaves(readXml(text, "it"), (path, leaf) => void leaves.push([path, leaf]));
  return leaves;
}

test("reads elements, their attributes and their text", () => {
  const root = readXml(
    `<?xml version="1.0"?><!DOCTYPE a SYSTEM "a.dtd"><a x="1 &lt; 2" y='z'><b> 5 C\n</b><c/><b>6</b></a>`,
    "it",
  );
  expect(root.attributes).toEqual({ x: "1 < 2", y: "z" });
  expect(root.children.map(({ name, text }) => [name, text.trim()])).toEqual([
    ["b", "5 C"],
    ["c", ""],
    ["b", "6"],
  ]);
  expect(childAt(root, "b")?.text.trim()).toBe("5 C");
  expect(childAt(root, "b/c")).toBeUndefined();
});

test("resolves references and leaves what looks like one alone", () => {
  expect(leavesOf("<a><b>&amp;&#65;&#x42;&quot; R&D &unknown; &#0;</b></a>")).toEqual([
    ["b", '&AB" R&D &unknown; &#0;'],
  ]);
});

test.each([
  ["/opt/a < b > c", "/opt/a < b > c"],
  ["x </nobody> y", "x  y"],
  ["<!-- no comment", "<!-- no comment"],
])("takes a process called %s for text", (name, text) => {
  expect(leavesOf(`<a><name>${name}</name><pid>7</pid></a>`)).toEqual([
    ["name", text],
    ["pid", "7"],
  ]);
});

test("an element that isn't closed ends with what holds it", () => {
  expect(leavesOf("<a><b><name>[<unknown>]</name></b><c>1</c></a>")).toEqual([
    ["b/name/unknown", "]"],
    ["c", "1"],
  ]);
});

test.each([
  ["nothing", "", "holds no element"],
  ["a message", "No devices were found", "holds no element"],
  ["a document cut short", "<a><b>1", "breaks off inside of b"],
  ["one that is too deep", "<a>".repeat(40), "is more than 32 elements deep"],
  [
    "one with too many elements",
    `<a>${"<b/>".repeat(200_001)}</a>`,
    "has more than 200000 elements",
  ],
  ["one that is too long", " ".repeat(9 * 1024 * 1024), "has more than 8388608 characters"],
])("refuses %s in one sentence", (_, text, sentence) => {
  expect(() => readXml(text, "nvidia-smi")).toThrow(`nvidia-smi's XML ${sentence}`);
});

test("whatever is cut out of a report is read or refused, and never crashes", () => {
  const text = reportXml([reportGpu(0)]);
  fc.assert(
    fc.property(
      fc.nat(text.length),
      fc.nat(200),
      fc.string({ maxLength: 20 }),
      (at, length, put) => {
        try {
          readXml(text.slice(0, at) + put + text.slice(at + length), "it");
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(WarpwatchError);
        }
      },
    ),
  );
});
