import { computed, onScopeDispose, shallowRef, watch } from "vue";
import * as api from "@/api";
import { ApiError } from "@/api/client";

const TYPING_PAUSE_MS = 300;

/** The next times of a cron expression, asked of the API whenever typing pauses. `cron` empty: nothing is asked. */
export function useCronPreview(cron: () => string, zone: () => string) {
  const times = shallowRef<string[]>([]);
  const error = shallowRef<ApiError>();
  let current: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(): Promise<void> {
    const { signal } = (current = new AbortController());
    try {
      times.value = await api.previewSchedule(cron().trim(), zone(), signal);
      error.value = undefined;
    } catch (fault) {
      if (signal.aborted) return;
      if (!(fault instanceof ApiError)) throw fault;
      times.value = [];
      error.value = fault;
    }
  }

  watch(
    [cron, zone],
    () => {
      clearTimeout(timer);
      current?.abort();
      error.value = undefined;
      if (cron().trim()) timer = setTimeout(() => void ask(), TYPING_PAUSE_MS);
      else times.value = [];
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    current?.abort();
  });
  return { times, error: computed(() => error.value) };
}
