import { onScopeDispose, ref } from "vue";
import { ApiError } from "@/api/client";
import { useInterval } from "./useInterval";
import type { Resource } from "./useResource";

/** A change in the cluster is to be seen within five seconds. */
export const REFRESH_MS = 4000;
/** When it was so, which changes with every answer. */
const MOMENTS = new Set(["as_of", "observed_at"]);

interface Options<T> {
  /** The same question as the resource's. */
  ask: (signal: AbortSignal) => Promise<T>;
  /** While somebody is at work on what is shown, it is not replaced under their hands. */
  isBusy?: () => boolean;
  /** What makes a difference to somebody who is busy. */
  gist?: (data: T) => unknown;
}

const textOf = (data: unknown) => JSON.stringify(data, (name, value: unknown) => (MOMENTS.has(name) ? undefined : value));

/** Keeps what is shown fresh; while somebody is busy with it, `hasNews` says that it has changed meanwhile. */
export function useFresh<T>(resource: Resource<T>, { ask, isBusy = () => false, gist = (data) => data }: Options<T>, milliseconds = REFRESH_MS) {
  const hasNews = ref(false);
  const stop = new AbortController();
  let isAsking = false;

  /** Undefined: it failed; the banner says that the API is away, and it is asked again. */
  async function answered(): Promise<T | undefined> {
    try {
      return await ask(stop.signal);
    } catch (fault) {
      if (stop.signal.aborted || fault instanceof ApiError) return undefined;
      throw fault;
    }
  }

  async function refresh(): Promise<void> {
    const before = resource.data.value;
    if (isAsking || resource.isLoading.value || before === undefined) return;
    isAsking = true;
    const answer = await answered().finally(() => (isAsking = false));
    // Meanwhile something else may have been asked for.
    if (answer === undefined || before !== resource.data.value || resource.isLoading.value) return;
    if (!isBusy()) {
      hasNews.value = false;
      // The same once more would only be drawn once more.
      if (textOf(answer) !== textOf(before)) resource.data.value = answer;
    } else if (textOf(gist(answer)) !== textOf(gist(before))) hasNews.value = true;
  }

  async function reload(): Promise<void> {
    hasNews.value = false;
    await resource.reload({ quiet: true });
  }

  useInterval(() => void refresh(), milliseconds);
  onScopeDispose(() => stop.abort());
  return { hasNews, reload };
}
