import { expect, test } from "vitest";
import { moved, pagesOf, type Found } from "@/components/palette/finding";
import { wordsOf } from "@/components/help/words";
import { hotkeyOf } from "@/composables/useHotkeys";
import { anchorOf, blocksOf, inlineOf } from "@/format/markdown";
import { readable, timeOf } from "@/format/times";
import { afterLogin } from "@/router/afterLogin";
import { fileOf, targetOf } from "@/views/documents/modules/documents";

const page = (name: string, text: string): Found => ({ id: name, text, to: { name } });
const pages = [page("workloads", "Workloads"), page("record", "Audit log"), page("checkup", "Checkup")];

test("the palette finds pages by a part of their name, in either language", () => {
  expect(pagesOf(pages, "log").map((one) => one.to.name)).toEqual(["record"]);
  expect(pagesOf([page("record", "审计日志")], "record")).toHaveLength(1);
  expect(pagesOf(pages, "o").map((one) => one.to.name)).toEqual(["workloads", "record"]);
  expect(pagesOf(pages, "").length).toBe(3);
  expect([moved(0, -1, 3), moved(2, 1, 3), moved(0, 1, 0)]).toEqual([2, 0, 0]);
});

test("keys are not taken from what somebody types", () => {
  const press = (key: string, target: EventTarget = document.body, more = {}) => hotkeyOf({ key, target, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, ...more });
  const field = document.createElement("input");
  document.body.append(field);
  expect([press("/"), press("?"), press("k")]).toEqual(["search", "help", undefined]);
  expect([press("/", field), press("?", field)]).toEqual([undefined, undefined]);
  expect([press("k", field, { ctrlKey: true }), press("K", document.body, { metaKey: true }), press("k", field, { ctrlKey: true, altKey: true })]).toEqual(["palette", "palette", undefined]);
  expect(press("/", document.body, { isComposing: true })).toBeUndefined();
});

test("a page's own words come first", () => {
  const words = wordsOf("schedules", "en", "");
  expect(words[0]?.isHere).toBe(true);
  expect(words.filter((word) => word.isHere).map((word) => word.word)).toContain("Repeats");
  expect(wordsOf("door", "zh-CN", "webhook").map((word) => word.word)).toEqual(["准入门"]);
});

test("times that programs write are shown as people read them", () => {
  expect(readable("2026-11-24T18:30 in Asia/Shanghai is past")).toBe("2026-11-24 18:30 in Asia/Shanghai is past");
  expect(readable("'2026-12-31T18:00:00Z' is over")).toMatch(/^'20\d\d-\d\d-\d\d \d\d:\d\d' is over$/);
  expect(readable("at 2026-12-31T18:00:00.123456+08:00, no more")).not.toContain("T");
});

test("a time of day is understood as people type it", () => {
  expect(["18:30", "1830", "8.30", "8", "8：05", "24:00", "12:60", "six", ""].map(timeOf)).toEqual(["18:30", "18:30", "08:30", "08:00", "08:05", undefined, undefined, undefined, undefined]);
});

test("after a login nobody is led off this site", () => {
  const led = (next?: string) => afterLogin({ query: next === undefined ? {} : { next } });
  expect([led(), led("/checkup?a=1"), led("//evil.example"), led("/\\evil.example"), led("https://evil.example")]).toEqual(["/", "/checkup?a=1", "/", "/", "/"]);
});

test("documents are read as they are written", () => {
  const [title, text, list, table, code] = blocksOf("# A `b` c\n<!-- none -->\nOne\ntwo [x](y.md#z).\n\n- a\n  more\n- b\n\n| h | k |\n|---|---|\n| 1 \\| 2 | **3** |\n\n```sh\n# no heading\n```\n");
  expect(title).toMatchObject({ kind: "heading", level: 1, id: "a-b-c" });
  expect(text).toEqual({ kind: "paragraph", text: ["One two ", { kind: "link", text: ["x"], to: "y.md#z" }, "."] });
  expect(list).toMatchObject({ kind: "list", isOrdered: false, items: [[{ text: ["a more"] }], [{ text: ["b"] }]] });
  expect(table).toMatchObject({ kind: "table", head: [["h"], ["k"]], rows: [[["1 | 2"], [{ kind: "strong", text: "3" }]]] });
  expect(code).toEqual({ kind: "code", text: "# no heading" });
  expect(inlineOf("a * b, *c*")).toEqual(["a * b, ", { kind: "em", text: "c" }]);
  expect(anchorOf("Audit log and retention")).toBe("audit-log-and-retention");
});

test("documents lead to each other, and nowhere that is not built in", () => {
  expect(targetOf("values.zh-CN.md#状况")).toEqual({ document: "values", hash: "#状况" });
  expect(targetOf("https://example.org/")).toEqual({ outside: "https://example.org/" });
  expect(targetOf("decisions/0001-x.md")).toEqual({});
  expect(targetOf("#here")).toEqual({ hash: "#here" });
  expect([fileOf("values", "zh-CN"), fileOf("limits", "zh-CN")]).toEqual(["values.zh-CN", "limits"]);
});
