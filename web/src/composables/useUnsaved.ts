import { onScopeDispose, ref, shallowRef, watch, type Ref } from "vue";
import type { RouteLocationNormalized, Router } from "vue-router";

/** What has been typed and not saved, all over the page. */
const held = new Set<() => boolean>();
/** Answers the question that is asked now. */
const answer = shallowRef<(leaves: boolean) => void>();

const isAnythingHeld = () => [...held].some((isUnsaved) => isUnsaved());

/** One question at a time: a second one is about the same text. */
function ask(): Promise<boolean> {
  answer.value?.(false);
  return new Promise((resolve) => {
    answer.value = (leaves) => {
      answer.value = undefined;
      resolve(leaves);
    };
  });
}

/** Whether what is typed anywhere on the page may go; asks where there is something. */
export const mayLoseUnsaved = async () => !isAnythingHeld() || (await ask());

/** For the dialog that asks. */
export const useUnsavedQuestion = () => answer;

/**
 * Guards what somebody has typed against navigation and reload, as long as `isUnsaved` says so; `leave` guards a button
 * or a key: it runs `go` at once, or after they have agreed to lose it.
 */
export function useUnsaved(isUnsaved: () => boolean) {
  listen();
  held.add(isUnsaved);
  onScopeDispose(() => held.delete(isUnsaved));
  return {
    leave: async (go: () => void): Promise<void> => {
      if (!isUnsaved() || (await ask())) go();
    },
  };
}

/** A dialog whose `draft` is guarded from when it opens on; `settle` before it closes with all of it saved. */
export function useUnsavedDialog(isOpen: Ref<boolean>, draft: () => unknown) {
  const written = () => JSON.stringify(draft());
  const clean = ref(written());
  watch(isOpen, (open) => open && (clean.value = written()));
  const { leave } = useUnsaved(() => isOpen.value && written() !== clean.value);
  const settle = () => void (clean.value = written());
  const discard = (close: () => void) => void leave(() => (settle(), close()));
  return { settle, close: () => discard(() => (isOpen.value = false)), beforeClose: discard };
}

/** Where the same form stays on the page; in the list, another row may be all that is left of it. */
function isSamePlace(to: RouteLocationNormalized, from: RouteLocationNormalized): boolean {
  if (to.path !== from.path || to.query["cluster"] !== from.query["cluster"]) return false;
  return to.name === "workloads" ? JSON.stringify(to.query) === JSON.stringify(from.query) : to.query["edit"] === from.query["edit"];
}

export function guardUnsaved(router: Router): void {
  /** A redirect asks the guards once more, and people are asked once. */
  let isAgreed = false;
  router.beforeEach(async (to, from) => {
    if (isAgreed || isSamePlace(to, from)) return true;
    isAgreed = await mayLoseUnsaved();
    return isAgreed;
  });
  router.afterEach(() => (isAgreed = false));
}

let isListening = false;

function listen(): void {
  if (isListening) return;
  isListening = true;
  window.addEventListener("beforeunload", (event) => {
    if (isAnythingHeld()) event.preventDefault();
  });
}
