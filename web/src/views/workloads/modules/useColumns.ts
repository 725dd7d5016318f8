import { computed } from "vue";
import { useKept } from "@/composables/useKept";

export const COLUMNS = ["mode", "replicas", "cpu", "memory", "asked", "control", "conditions", "health", "peakDay", "edited"] as const;
/** `asked` is a line in the columns of CPU and memory, which are seen at every width. */
export type Column = (typeof COLUMNS)[number];
const FIRST_CHOICE: Column[] = ["mode", "replicas", "cpu", "memory", "asked", "control", "conditions", "health"];

const isChoice = (value: unknown): value is Column[] => Array.isArray(value) && value.every((name) => COLUMNS.includes(name as Column));

/** Which columns this browser's person wants to see. */
export function useColumns() {
  const chosen = useKept<Column[]>("columns", FIRST_CHOICE, isChoice);
  return { chosen, shown: computed(() => new Set(chosen.value)) };
}
