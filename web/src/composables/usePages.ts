import { computed, ref, shallowRef, watch, type Ref } from "vue";
import { ApiError } from "@/api/client";
import { useInterval } from "@/composables/useInterval";
import { useResource } from "@/composables/useResource";

const REFRESH_MS = 10_000;

interface Cursor {
  before?: string | null;
  before_id?: string | null;
  limit?: number;
}

/** A record's newest rows, kept fresh while nobody has gone back in time, and older ones on demand. */
export function usePages<Row extends { at: string; id: string }, Query extends object>(
  ask: (query: Query & Cursor, signal?: AbortSignal) => Promise<Row[]>,
  wanted: Ref<Query>,
  size: number,
) {
  const { data, error, reload } = useResource((signal) => ask({ ...wanted.value, limit: size }, signal), [() => JSON.stringify(wanted.value)]);
  const older = shallowRef<Row[]>([]);
  const olderError = shallowRef<ApiError>();
  const isAtEnd = ref(false);
  const isFetching = ref(false);
  const rows = computed(() => [...(data.value ?? []), ...older.value]);

  async function loadOlder(): Promise<void> {
    const [last, query] = [rows.value.at(-1), wanted.value];
    isFetching.value = true;
    olderError.value = undefined;
    try {
      const more = await ask({ ...query, before: last?.at, before_id: last?.id, limit: size });
      // Somebody may have changed the filters while it came.
      if (query !== wanted.value) return;
      older.value = [...older.value, ...more];
      isAtEnd.value = more.length < size;
    } catch (fault) {
      if (!(fault instanceof ApiError)) throw fault;
      olderError.value = fault;
    } finally {
      isFetching.value = false;
    }
  }

  watch(wanted, () => {
    older.value = [];
    olderError.value = undefined;
    isAtEnd.value = false;
  });
  // With older pages open, a refresh of the first one would leave a gap between the two.
  useInterval(() => older.value.length === 0 && !isFetching.value && void reload({ quiet: true }), REFRESH_MS);

  return {
    rows,
    isLoaded: computed(() => data.value !== undefined),
    mayHaveMore: computed(() => !isAtEnd.value && (data.value?.length ?? 0) >= size),
    error,
    olderError,
    isFetching,
    reload,
    loadOlder,
  };
}
