import { computed } from "vue";
import { useKept } from "@/composables/useKept";
import type { Workload } from "@/types";
import type { Sort } from "./useWorkloadList";

export const COLUMNS = ["mode", "live", "replicas", "cpu", "memory", "asked", "control", "conditions", "health", "peakDay", "edited"] as const;
/** `asked` is a line in the columns of CPU and memory, which are seen at every width. */
export type Column = (typeof COLUMNS)[number];
const FIRST_CHOICE: Column[] = ["mode", "live", "replicas", "cpu", "memory", "asked", "control", "conditions", "health"];

const isChoice = (value: unknown): value is Column[] => Array.isArray(value) && value.every((name) => COLUMNS.includes(name as Column));

/** Where each order is seen; the others have a column of their own while they are sorted by. */
const SORTED: Partial<Record<Sort, Column>> = {
  replicas: "replicas", cpu_requested: "cpu", cpu_used: "cpu", memory_requested: "memory", memory_used: "memory", edited_at: "edited", oom_kills: "health",
};

/** The difference that a workload is sorted by; null: it is not known. Undefined: it is sorted by what other columns show. */
export function sortedAmount(workload: Workload, sort: Sort): number | null | undefined {
  const less = (all: number | null, part: number | null) => (all === null || part === null ? null : all - part);
  if (sort === "cpu_waste") return less(workload.cpu_requested_millicores, workload.cpu_used_millicores);
  if (sort === "memory_waste") return less(workload.memory_requested_bytes, workload.memory_used_bytes);
  if (sort === "cpu_saved") return less(workload.cpu_asked_millicores, workload.cpu_running_millicores);
  if (sort === "memory_saved") return less(workload.memory_asked_bytes, workload.memory_running_bytes);
  return undefined;
}

/** What is sorted by is seen, chosen or not. */
export function withSorted(chosen: Set<Column>, sort: Sort): Set<Column> {
  const column = SORTED[sort];
  return column ? new Set([...chosen, column]) : chosen;
}

/** Which columns this browser's person wants to see. */
export function useColumns() {
  const chosen = useKept<Column[]>("columns", FIRST_CHOICE, isChoice);
  return { chosen, shown: computed(() => new Set(chosen.value)) };
}
