/** The documents that are built into the pages, and what leads where in them. */
import type { Locale } from "@/locales";

const files = import.meta.glob<string>(["../../../../../docs/*.md"], { query: "?raw", import: "default" });
const loaders = new Map(Object.entries(files).map(([path, load]) => [path.split("/").at(-1)?.replace(/\.md$/, "") ?? "", load]));

/** In the order of who reads them. */
export const DOCUMENTS = [
  "operators", "administrators", "values", "glossary", "gitops", "cli", "settings", "api", "clusters", "people", "operations", "production", "limits", "performance", "architecture", "dependencies",
] as const;
export type DocumentName = (typeof DOCUMENTS)[number];
const isDocument = (name: string): name is DocumentName => (DOCUMENTS as readonly string[]).includes(name);

/** Which file that is in this language: English where there is no other. */
export function fileOf(name: DocumentName, locale: Locale): string {
  const localized = `${name}.${locale}`;
  return loaders.has(localized) ? localized : name;
}

export const loadDocument = async (file: string) => (await loaders.get(file)?.()) ?? "";

/** Where a link of a document leads: another document, a place outside, or nothing that is built in. */
export function targetOf(link: string): { document?: DocumentName; hash?: string; outside?: string } {
  if (/^https?:/.test(link)) return { outside: link };
  const [path = "", anchor] = link.split("#");
  const hash = anchor === undefined ? undefined : `#${anchor}`;
  const name = path.replace(/^\.\//, "").replace(/(\.zh-CN)?\.md$/, "");
  return !path ? { hash } : isDocument(name) ? { document: name, hash } : {};
}
