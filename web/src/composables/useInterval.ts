import { onScopeDispose } from "vue";

/** Does something every so often while the page is looked at, and at once when it is looked at again. */
export function useInterval(action: () => void, milliseconds: number): void {
  const tick = () => document.visibilityState === "visible" && action();
  const timer = setInterval(tick, milliseconds);
  document.addEventListener("visibilitychange", tick);
  onScopeDispose(() => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
  });
}
