import { getCurrentScope, onScopeDispose, readonly, ref } from "vue";

const TICK_MS = 5000;

const now = ref(Date.now());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  now.value = Date.now();
}

/** The present, for texts that count from it: it moves on every few seconds, one clock for all of a page. */
export function useNow() {
  if (getCurrentScope()) {
    users += 1;
    if (users === 1) {
      tick();
      timer = setInterval(tick, TICK_MS);
    }
    onScopeDispose(() => {
      users -= 1;
      if (users === 0) clearInterval(timer);
    });
  }
  return readonly(now);
}
