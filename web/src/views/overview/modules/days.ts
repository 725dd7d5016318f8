/** The days of the overview's chart. Pure. */
import type { DaySums, Resource } from "@/types";

export const usedOf = (day: DaySums, resource: Resource) => (resource === "cpu" ? day.cpu_used_millicores : day.memory_used_bytes);
export const requestedOf = (day: DaySums, resource: Resource) => (resource === "cpu" ? day.cpu_requested_millicores : day.memory_requested_bytes);

/** The day on which all workloads together used most: the top of the chart. */
export function busiestDay(days: readonly DaySums[], resource: Resource): DaySums | undefined {
  return days.reduce<DaySums | undefined>((most, day) => (most === undefined || usedOf(day, resource) > usedOf(most, resource) ? day : most), undefined);
}
