/** The Markdown of our own documents: headings, paragraphs, lists, tables, code, quotes. Pure. */

export type Inline = string | { kind: "code"; text: string } | { kind: "strong"; text: string } | { kind: "em"; text: string } | { kind: "link"; text: Inline[]; to: string };
export type Block =
  | { kind: "heading"; level: number; id: string; text: Inline[] }
  | { kind: "paragraph"; text: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "list"; isOrdered: boolean; items: Block[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] };

const INLINE = /`([^`]+)`|\[((?:[^\]`]|`[^`]*`)*)\]\(([^)\s]+)\)|\*\*(.+?)\*\*|\*([^*\s][^*]*)\*/;
const ITEM = /^( *)(?:[-*]|(\d+)\.) +/;

/** Emphasis, code and links of one stretch of text. */
export function inlineOf(text: string): Inline[] {
  const found: Inline[] = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    const [whole, code, label, to, strong, em] = match;
    if (match.index) found.push(rest.slice(0, match.index));
    if (code !== undefined) found.push({ kind: "code", text: code });
    else if (to !== undefined) found.push({ kind: "link", text: inlineOf(label ?? ""), to });
    else if (strong !== undefined) found.push({ kind: "strong", text: strong });
    else found.push({ kind: "em", text: em ?? "" });
    rest = rest.slice(match.index + whole.length);
  }
  if (rest) found.push(rest);
  return found;
}

/** The anchor of a heading, as the places that show Markdown make it. */
export const anchorOf = (title: string) => title.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase().replace(/[^\p{L}\p{N}\p{M} _-]/gu, "").replaceAll(" ", "-");

const cells = (line: string) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => inlineOf(cell.trim().replaceAll("\\|", "|")));
const indentOf = (line: string) => /^ */.exec(line)?.[0].length ?? 0;

/** Takes lines from `lines` for as long as they belong to what has begun. */
function taken(lines: string[], belongs: (line: string) => boolean): string[] {
  const found: string[] = [];
  while (lines.length && belongs(lines[0] ?? "")) found.push(lines.shift() ?? "");
  return found;
}

function listOf(lines: string[]): Block {
  const [, spaces = "", number] = ITEM.exec(lines[0] ?? "") ?? [];
  const items: Block[][] = [];
  while (lines.length) {
    const begun = ITEM.exec(lines[0] ?? "");
    if (!begun || begun[1] !== spaces) break;
    const first = (lines.shift() ?? "").slice(begun[0].length);
    const rest = taken(lines, (line) => indentOf(line) > spaces.length || (!line.trim() && lines[1] !== undefined && indentOf(lines[1]) > spaces.length));
    const depth = Math.min(...rest.filter((line) => line.trim()).map(indentOf));
    items.push(blocksOf([first, ...rest.map((line) => line.slice(Number.isFinite(depth) ? depth : 0))].join("\n")));
  }
  return { kind: "list", isOrdered: number !== undefined, items };
}

function next(lines: string[]): Block {
  const line = lines[0] ?? "";
  const heading = /^(#{1,6}) (.+)$/.exec(line);
  if (heading) {
    lines.shift();
    return { kind: "heading", level: heading[1]?.length ?? 1, id: anchorOf(heading[2] ?? ""), text: inlineOf(heading[2] ?? "") };
  }
  if (line.startsWith("```")) {
    lines.shift();
    const code = taken(lines, (one) => !one.startsWith("```"));
    lines.shift();
    return { kind: "code", text: code.join("\n") };
  }
  if (line.startsWith("|")) {
    const [head = "", , ...rows] = taken(lines, (one) => one.startsWith("|"));
    return { kind: "table", head: cells(head), rows: rows.map(cells) };
  }
  if (ITEM.test(line)) return listOf(lines);
  const first = lines.shift() ?? "";
  const more = taken(lines, (one) => one.trim() !== "" && !/^(#{1,6} |```|\|)/.test(one) && !ITEM.test(one));
  return { kind: "paragraph", text: inlineOf([first, ...more].map((one) => one.trim()).join(" ")) };
}

/** What a document is made of, without remarks. */
export function blocksOf(text: string): Block[] {
  const lines = text.replace(/<!--[\s\S]*?-->\n?/g, "").split("\n");
  const found: Block[] = [];
  while (lines.length) {
    if (lines[0]?.trim()) found.push(next(lines));
    else lines.shift();
  }
  return found;
}
