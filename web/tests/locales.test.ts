import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import en from "@/locales/en";
import zh from "@/locales/zh-CN";

type Tree = { [key: string]: string | string[] | Tree };

function leaves(tree: Tree, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(tree)) {
    const key = prefix ? `${prefix}.${name}` : name;
    if (typeof value === "string") found.set(key, value);
    else if (Array.isArray(value)) value.forEach((text, index) => found.set(`${key}.${index}`, text));
    else for (const [inner, text] of leaves(value, key)) found.set(inner, text);
  }
  return found;
}

const [english, chinese] = [leaves(en), leaves(zh)];
const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

test("both languages have the same keys", () => expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort()));

test("both languages fill in the same values", () => {
  for (const [key, text] of english) {
    // A plural form may leave the number out: "no pods".
    expect([key, placeholders(chinese.get(key) ?? "")]).toEqual([key, placeholders(text)]);
  }
});

test("no text is empty, and Chinese texts are Chinese", () => {
  const untranslated = [...chinese].filter(([key, text]) => !/[\u4e00-\u9fff]/.test(text) && text === english.get(key) && /[a-z]{3}/.test(text.replace(/\{\w+\}/g, "")));
  expect(untranslated.map(([key]) => key)).toEqual(["preview.input", "collection.prometheus"]);
  expect([...english.values(), ...chinese.values()].filter((text) => !text.trim())).toEqual([]);
});

test("every text that a component names is there", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => /\.(vue|ts)$/.test(name));
  const named = files.flatMap((name) => [...readFileSync(join("src", name), "utf8").matchAll(/\bt\(\s*["']([\w.]+)["']/g)].map((match) => match[1] ?? ""));
  expect([...new Set(named)].filter((key) => !english.has(key))).toEqual([]);
});
