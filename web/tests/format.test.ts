import { describe, expect, test } from "vitest";
import { csv } from "@/format/csv";
import { diffLines, folded } from "@/format/diff";
import { numberFormat } from "@/format/numbers";
import { addDays, daysBetween } from "@/format/times";

describe("csv", () => {
  test("a text that starts like a formula is kept from being one", () => {
    expect(csv(["name"], [["=HYPERLINK()"], ["-1"], ["@x"], [-1]])).toBe("\uFEFFname\r\n'=HYPERLINK()\r\n'-1\r\n'@x\r\n-1\r\n");
  });

  test.each(["＝1", "＋1", "－1", "＠x", "\t1", " =1"])("nor is %j one", (text) => {
    expect(csv(["name"], [[text]])).toBe(`\uFEFFname\r\n'${text}\r\n`);
  });

  test("commas, quotes and line breaks stay within their cell", () => {
    expect(csv(["a", "b"], [['say "hi"', "1,2\n3"], [null, undefined]])).toBe('\uFEFFa,b\r\n"say ""hi""","1,2\n3"\r\n,\r\n');
  });
});

describe("numberFormat", () => {
  const share = { style: "percent", maximumFractionDigits: 1 } as const;

  test.each([
    ["en", undefined, "1,234.5"],
    ["de", undefined, "1.234,5"],
    ["en", share, "123,450%"],
    ["en", { ...share, maximumFractionDigits: 0 }, "123,450%"],
  ])("%s %j", (locale, options, written) => expect(numberFormat(locale, options).format(1234.5)).toBe(written));

  test("one is made once for what is asked alike", () => {
    expect(numberFormat("en", { ...share })).toBe(numberFormat("en", { ...share }));
    expect(numberFormat("en")).not.toBe(numberFormat("de"));
  });
});

describe("diffLines", () => {
  const text = (before: string, after: string) => diffLines(before, after).map((line) => ({ same: " ", removed: "-", added: "+" })[line.kind] + line.text);

  test.each([
    ["nothing", "a\nb", "a\nb", [" a", " b"]],
    ["a change", "a\nb\nc", "a\nx\nc", [" a", "-b", "+x", " c"]],
    ["an insertion", "a\nc", "a\nb\nc", [" a", "+b", " c"]],
    ["a removal at the end", "a\nb", "a", [" a", "-b"]],
  ])("%s", (_name, before, after, lines) => expect(text(before, after)).toEqual(lines));

  test("what is far from any change is folded away, once a stretch", () => {
    const lines = diffLines(["1", "2", "3", "4", "x"].join("\n"), ["1", "2", "3", "4", "y"].join("\n"));
    expect(folded(lines, 1).map((line) => line?.text ?? null)).toEqual([null, "4", "x", "y"]);
  });
});

describe("days", () => {
  test("a day's distance does not know daylight saving", () => {
    expect(daysBetween("2026-03-28", "2026-03-30")).toBe(2);
    expect(addDays("2026-10-24", 2)).toBe("2026-10-26");
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
  });
});
