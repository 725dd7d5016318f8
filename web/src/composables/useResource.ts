import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef, type WatchSource } from "vue";
import { ApiError, returns } from "@/api/client";

export interface Resource<T> {
  data: ShallowRef<T | undefined>;
  error: ShallowRef<ApiError | undefined>;
  isLoading: Ref<boolean>;
  /** `quiet`: what is shown stays shown, and an error does not replace it. */
  reload: (options?: { quiet?: boolean }) => Promise<void>;
}

/**
 * What a page shows, loaded now and whenever `sources` change. Only the newest question counts: an older one is
 * aborted. What failed is loaded again when the API is back.
 */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, sources: WatchSource[] = []): Resource<T> {
  const data = shallowRef<T>();
  const error = shallowRef<ApiError>();
  const isLoading = ref(false);
  let current: AbortController | undefined;

  async function reload({ quiet = false } = {}): Promise<void> {
    current?.abort();
    const mine = (current = new AbortController());
    isLoading.value = !quiet;
    try {
      const answer = await load(mine.signal);
      if (current !== mine) return;
      data.value = answer;
      error.value = undefined;
    } catch (fault) {
      if (mine.signal.aborted) return;
      if (!(fault instanceof ApiError)) throw fault;
      if (!quiet) error.value = fault;
    } finally {
      if (current === mine) isLoading.value = false;
    }
  }

  if (sources.length) watch(sources, () => void reload());
  watch(returns, () => error.value && void reload());
  onScopeDispose(() => current?.abort());
  void reload();
  return { data, error, isLoading, reload };
}
