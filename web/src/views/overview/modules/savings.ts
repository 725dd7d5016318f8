/** What the door has taken off what owners asked: less than nothing where it gave more. Pure. */
import { addDays } from "@/format/times";
import type { NamespaceSavings, Resource, SavedDay, Savings } from "@/types";

type Saved = Pick<SavedDay, "cpu_millicores" | "memory_bytes">;
type Asked = Pick<Savings, "cpu_asked_millicores" | "memory_asked_bytes">;

export const savedOf = (one: Saved, resource: Resource) => (resource === "cpu" ? one.cpu_millicores : one.memory_bytes);
export const askedOf = (one: Asked, resource: Resource) => (resource === "cpu" ? one.cpu_asked_millicores : one.memory_asked_bytes);

/** The `count` days up to `last`, over all namespaces; a day that has no row saved nothing. */
export function everyDay(rows: readonly SavedDay[], last: string, count: number): SavedDay[] {
  const days = Array.from({ length: count }, (_, index) => ({ day: addDays(last, index - count + 1), cpu_millicores: 0, memory_bytes: 0 }));
  const byDay = new Map(days.map((day) => [day.day, day]));
  for (const row of rows) {
    const day = byDay.get(row.day);
    if (!day) continue;
    day.cpu_millicores += row.cpu_millicores;
    day.memory_bytes += row.memory_bytes;
  }
  return days;
}

export interface NamespaceRow {
  name: string;
  workloads: number;
  saved: number;
  asked: number;
}

/** The greatest savings first, what was added last; without those in which the door has changed nothing. */
export function namespaceRows(namespaces: readonly NamespaceSavings[], resource: Resource): NamespaceRow[] {
  const sized = namespaces.filter((one) => one.workloads > 0);
  const rows = sized.map((one) => ({ name: one.namespace, workloads: one.workloads, saved: savedOf(one, resource), asked: askedOf(one, resource) }));
  return rows.sort((one, other) => other.saved - one.saved || one.name.localeCompare(other.name));
}
