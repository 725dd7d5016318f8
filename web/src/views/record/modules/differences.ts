/** What a change was, field by field, out of what is on record of it. Pure. */
import { unsaid, type Said } from "@/locales/sentences";
import type { Audit } from "@/types";

export interface Difference {
  /** Where in the record: `containers`, `cart`, `cpu_request_millicores`. */
  path: string[];
  /** Absent and null are both: not set. */
  before: unknown;
  after: unknown;
}

/** Counters and references, which the exact record has. */
const HIDDEN = new Set(["version", "based_on", "error", "error_said", "action"]);

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);
const isNothing = (value: unknown) => value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);
const same = (one: unknown, other: unknown) => (isNothing(one) && isNothing(other)) || JSON.stringify(one) === JSON.stringify(other);

/**
 * A change that says nothing of before made something, one that says nothing of after removed it. Otherwise only what
 * `after` names has changed: an action names what it did and not everything there is.
 */
export function differences(row: Pick<Audit, "before" | "after">): Difference[] {
  const [before, after] = [row.before as Tree, row.after as Tree];
  const isRemoval = Object.keys(after).every((name) => HIDDEN.has(name));
  const names = Object.keys(isRemoval ? before : after).filter((name) => !HIDDEN.has(name));
  return names.flatMap((name) => compared([name], before[name], after[name]));
}

function compared(path: string[], before: unknown, after: unknown): Difference[] {
  if (isTree(before) || isTree(after)) {
    const [old, fresh] = [isTree(before) ? before : {}, isTree(after) ? after : {}];
    const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])];
    return names.flatMap((name) => compared([...path, name], old[name], fresh[name]));
  }
  // A thing that is made begins with many a no; whether it is enabled matters.
  if (before === undefined && after === false && path.at(-1) !== "enabled") return [];
  return same(before, after) ? [] : [{ path, before, after }];
}

/** What went wrong, of a change that failed; undefined: nothing did. An older record has the text alone. */
export function faultOf({ after }: Pick<Audit, "after">): Said | undefined {
  if (typeof after["error"] !== "string" || !after["error"]) return undefined;
  return (after["error_said"] as Said | undefined) ?? unsaid(after["error"]);
}
