/** The checkup's lines under the thing they are about, in the order they come. Pure. */
import type { Check } from "@/types";

export type GroupName = "store" | "usage" | "collection" | "cluster" | "door" | "access";

const BELONGS: [GroupName, RegExp][] = [
  ["store", /^store$/],
  ["access", /^client addresses$|^first password$/],
  ["collection", /look-back|^collection/],
  ["cluster", /^cluster|^permission/],
  ["door", /switch|webhook|certificate|door/],
];

export function groupOf(check: Check): GroupName {
  return BELONGS.find(([, pattern]) => pattern.test(check.name))?.[0] ?? "usage";
}

/** A check that is fine, but says what is lost without the optional thing it did not find, or why it is only a sample. */
export function isWorthKnowing(check: Check): boolean {
  return check.ok && check.remedy !== "" && /^(no series|sample)/.test(check.detail);
}

export function grouped(checks: Check[]): { name: GroupName; checks: Check[] }[] {
  const groups = new Map<GroupName, Check[]>();
  for (const check of checks) {
    const name = groupOf(check);
    groups.set(name, [...(groups.get(name) ?? []), check]);
  }
  return [...groups].map(([name, members]) => ({ name, checks: members }));
}
