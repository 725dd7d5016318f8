/** The checkup's lines under the thing they are about, in the order they come. Pure. */
import type { Check } from "@/types";

export type GroupName = "store" | "usage" | "collection" | "cluster" | "door" | "access";

/** By the code of the check's name. */
const BELONGS: Record<string, GroupName> = {
  store: "store",
  addresses: "access", first_password: "access",
  collection: "collection", usage_days: "collection", coverage: "collection",
  cluster: "cluster", permission: "cluster", look: "cluster",
  door: "door", native_door: "door", parameters: "door", switch: "door", webhook_configuration: "door", reach: "door", certificate: "door",
};
const WORTH_KNOWING = ["checkup.no_series_optional", "checkup.sample"];

export function groupOf(check: Check): GroupName {
  return BELONGS[check.name_said.code.replace("checkup.", "")] ?? "usage";
}

/** A check that is fine, but says what is lost without the optional thing it did not find, or why it is only a sample. */
export function isWorthKnowing(check: Check): boolean {
  return check.ok && check.remedy !== "" && WORTH_KNOWING.includes(check.detail_said.code);
}

export function grouped(checks: Check[]): { name: GroupName; checks: Check[] }[] {
  const groups = new Map<GroupName, Check[]>();
  for (const check of checks) {
    const name = groupOf(check);
    groups.set(name, [...(groups.get(name) ?? []), check]);
  }
  return [...groups].map(([name, members]) => ({ name, checks: members }));
}
