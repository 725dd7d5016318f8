import { computed, shallowRef } from "vue";

/** Which series a chart shows: as `start` says, until somebody clicks one in the legend. What is not named is shown. */
export function useLegend(start: () => Record<string, boolean> = () => ({})) {
  const chosen = shallowRef<Record<string, boolean>>({});
  const selected = computed(() => ({ ...start(), ...chosen.value }));
  const choose = (name: string, isShown: boolean) => (chosen.value = { ...chosen.value, [name]: isShown });
  return { selected, choose };
}
