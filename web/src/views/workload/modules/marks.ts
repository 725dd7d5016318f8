/** What happened to a workload, laid out on the days of its history. Pure. */
import type { Mark } from "@/types";

/** From the top row of their lane down. */
export const MARK_KINDS = ["edit", "release", "collection"] as const satisfies readonly Mark["kind"][];
const NAMED = 3;
const MOST_CHARACTERS = 60;

const short = (text: string) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text);

/** By day, of one kind, the oldest first. What happened after the last day is on the last day. */
export function marksByDay(marks: readonly Mark[], kind: Mark["kind"], days: readonly string[]): Map<string, Mark[]> {
  const found = new Map<string, Mark[]>();
  const last = days.at(-1) ?? "";
  for (const mark of marks.toReversed()) {
    if (mark.kind !== kind) continue;
    const day = mark.day > last ? last : mark.day;
    found.set(day, [...(found.get(day) ?? []), mark]);
  }
  return found;
}

/** The marks of one day and kind in one line: who, and the note of an edit. */
export function lineOf(marks: readonly Mark[]): string {
  const named = marks.slice(0, NAMED).map((mark) => short(mark.kind === "edit" && mark.what ? `${mark.who}: ${mark.what}` : mark.who));
  const words = named.filter(Boolean).join(", ");
  return words ? `${marks.length}× ${words}${marks.length > NAMED ? ", …" : ""}` : `${marks.length}×`;
}
