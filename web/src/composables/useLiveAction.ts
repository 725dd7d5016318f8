import { onScopeDispose, shallowRef, watch } from "vue";
import * as api from "@/api";
import { ApiError, returns } from "@/api/client";
import type { Action, ActionDetail } from "@/types";
import { useInterval } from "./useInterval";

const AGAIN_MS = 1500;
const SILENT_MS = 6000;

export const isUnderWay = (action?: Pick<Action, "state">) => action?.state === "running" || action?.state === "cancelling";

/**
 * An action as it goes on: streamed. A stream that ends before the action does is asked for again; and when nothing has
 * come for a while, as behind a proxy that holds streams back, the action itself is.
 */
export function useLiveAction(action: string) {
  const data = shallowRef<ActionDetail>();
  const error = shallowRef<ApiError>();
  let current: AbortController | undefined;
  let heardAt = 0;

  function hear(answer: ActionDetail): void {
    data.value = answer;
    error.value = undefined;
    heardAt = Date.now();
  }

  async function attempt(ask: () => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await ask();
    } catch (fault) {
      if (signal.aborted) return;
      if (!(fault instanceof ApiError)) throw fault;
      // What is shown stays; the banner says that the API is away.
      if (!data.value) error.value = fault;
    }
  }

  async function follow(): Promise<void> {
    current?.abort();
    const { signal } = (current = new AbortController());
    do {
      await attempt(async () => {
        for await (const answer of api.followAction(action, signal)) hear(answer);
      }, signal);
      if (error.value || !isUnderWay(data.value)) return;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    } while (!signal.aborted);
  }

  async function look(): Promise<void> {
    const signal = current?.signal ?? new AbortController().signal;
    await attempt(async () => hear(await api.getAction(action, signal)), signal);
  }

  async function cancel(): Promise<void> {
    hear(await api.cancelAction(action));
  }

  useInterval(() => isUnderWay(data.value) && Date.now() - heardAt > SILENT_MS && void look(), SILENT_MS);
  watch(returns, () => error.value && void follow());
  onScopeDispose(() => current?.abort());
  void follow();
  return { data, error, follow, cancel };
}
