/** What the palette finds among pages. Pure. */

export interface Found {
  /** Of all that is found, and of its element. */
  id: string;
  text: string;
  hint?: string;
  to: { name: string; params?: Record<string, string>; query?: Record<string, string> };
}

/** Pages with each of the words somewhere in their names, those that begin with what was typed first. */
export function pagesOf(pages: Found[], typed: string): Found[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (page: Found) => words.every((word) => `${page.text} ${page.to.name}`.toLowerCase().includes(word));
  const begins = (page: Found) => page.text.toLowerCase().startsWith(typed.trim().toLowerCase());
  return pages.filter(has).sort((one, other) => Number(begins(other)) - Number(begins(one)));
}

/** The place before or after, round the end. */
export const moved = (at: number, step: number, count: number) => (count ? (at + step + count) % count : 0);
