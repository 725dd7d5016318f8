import { computed, ref } from "vue";
import { useInterval } from "@/composables/useInterval";
import { usePages } from "@/composables/usePages";
import { asked, type Asked, type RecordState } from "./filters";

const PAGE = 100;
const MINUTE_MS = 60_000;

/** Rows of one of the two records as the address filters them; "the last hour" goes along with the clock. */
export function useRecord<Row extends { at: string; id: string }>(ask: (query: Asked, signal?: AbortSignal) => Promise<Row[]>, state: () => RecordState) {
  const now = ref(Date.now());
  const wanted = computed(() => asked(state(), now.value));
  const pages = usePages(ask, wanted, PAGE);
  useInterval(() => {
    // Other filters would throw away the older pages that somebody reads.
    if (pages.rows.value.length <= PAGE) now.value = Date.now();
  }, MINUTE_MS);
  return { wanted, pages };
}
