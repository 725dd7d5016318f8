import { onScopeDispose, ref, shallowRef, watch, type Ref } from "vue";
import * as api from "@/api";
import { ApiError } from "@/api/client";
import type { ActionTarget, Planned } from "@/types";
import { bodyOf, planKey, type Wish } from "./wishes";

const TYPING_PAUSE_MS = 350;

/** The dry run of what the form says; `planned` is undefined until there is one of exactly that. */
export function usePlan(wish: Ref<Wish>, targets: () => ActionTarget[]) {
  const planned = shallowRef<Planned[]>();
  const error = shallowRef<ApiError>();
  const isAsking = ref(false);
  let current: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(): Promise<void> {
    clearTimeout(timer);
    current?.abort();
    const mine = (current = new AbortController());
    planned.value = undefined;
    isAsking.value = true;
    try {
      const answer = await api.planAction(bodyOf(wish.value, targets(), false), mine.signal);
      if (current !== mine) return;
      planned.value = answer.planned;
      error.value = undefined;
    } catch (fault) {
      if (mine.signal.aborted) return;
      if (!(fault instanceof ApiError)) throw fault;
      error.value = fault;
    } finally {
      if (current === mine) isAsking.value = false;
    }
  }

  watch(
    () => planKey(wish.value, targets()),
    () => {
      current?.abort();
      planned.value = undefined;
      isAsking.value = true;
      clearTimeout(timer);
      timer = setTimeout(() => void ask(), TYPING_PAUSE_MS);
    },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    current?.abort();
  });
  void ask();
  return { planned, error, isAsking, ask };
}
