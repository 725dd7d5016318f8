/** The words of the glossary for the page that is looked at first. Pure. */
import glossary from "@/glossary.json";
import type { Locale } from "@/locales";

export interface Word {
  id: string;
  word: string;
  api: string;
  means: string;
  isHere: boolean;
}

/** Those with `typed` in word, meaning or spelling; the page's own first. */
export function wordsOf(page: string, locale: Locale, typed: string): Word[] {
  const wanted = typed.trim().toLowerCase();
  return glossary
    .map((entry) => ({ id: entry.id, api: entry.api, ...entry[locale], isHere: entry.pages.includes(page) }))
    .filter((entry) => `${entry.word} ${entry.api} ${entry.means}`.toLowerCase().includes(wanted))
    .sort((one, other) => Number(other.isHere) - Number(one.isHere));
}
