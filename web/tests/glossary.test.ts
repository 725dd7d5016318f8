import { expect, test } from "vitest";
import { i18n } from "@/locales";
import en from "@/locales/en";
import zh from "@/locales/zh-CN";
import words from "@/glossary.json";

test("every word of the glossary is the one that the pages show", () => {
  i18n.global.setLocaleMessage("en", en);
  i18n.global.setLocaleMessage("zh-CN", zh);
  for (const locale of ["en", "zh-CN"] as const) {
    const shown = words.map((word) => [word.id, i18n.global.t(word.shown, {}, { locale }).toLowerCase()]);
    expect(shown).toEqual(words.map((word) => [word.id, word[locale].word.toLowerCase()]));
  }
});
