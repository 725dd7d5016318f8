/** Lines of two texts side by side: what stayed, what went, what came. */

export interface DiffLine {
  kind: "same" | "removed" | "added";
  text: string;
  before: number | null;
  after: number | null;
}

/** By the longest common subsequence; both texts are manifests of a few hundred lines. */
export function diffLines(before: string, after: string): DiffLine[] {
  const old = before.split("\n");
  const fresh = after.split("\n");
  const common = lengths(old, fresh);
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < fresh.length) {
    if (i < old.length && j < fresh.length && old[i] === fresh[j]) {
      lines.push({ kind: "same", text: old[i] ?? "", before: ++i, after: ++j });
    } else if (j >= fresh.length || (i < old.length && (common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0))) {
      lines.push({ kind: "removed", text: old[i] ?? "", before: ++i, after: null });
    } else {
      lines.push({ kind: "added", text: fresh[j] ?? "", before: null, after: ++j });
    }
  }
  return lines;
}

function lengths(old: string[], fresh: string[]): Uint16Array[] {
  const table = Array.from({ length: old.length + 1 }, () => new Uint16Array(fresh.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = fresh.length - 1; j >= 0; j--) {
      const row = table[i] as Uint16Array;
      const below = table[i + 1] as Uint16Array;
      row[j] = old[i] === fresh[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return table;
}

/** Only what changed, with `context` unchanged lines around it; null stands for what is left out. */
export function folded(lines: DiffLine[], context: number): (DiffLine | null)[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some((line) => line.kind !== "same"),
  );
  const result: (DiffLine | null)[] = [];
  lines.forEach((line, index) => {
    if (near[index]) result.push(line);
    else if (result.at(-1) !== null) result.push(null);
  });
  return result;
}
