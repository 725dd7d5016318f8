import { onScopeDispose, shallowRef, watch } from "vue";
import * as api from "@/api";
import { ApiError } from "@/api/client";
import type { BulkEdit, ValueWarning, Workload } from "@/types";

const TYPING_PAUSE_MS = 300;
/** As many edits as the API takes at once. */
const MOST_EDITS = 1000;

export type Warnings = ReadonlyMap<string, ValueWarning[]>;

export async function warningsOf(edits: BulkEdit[], signal?: AbortSignal): Promise<Warnings> {
  const found = new Map<string, ValueWarning[]>();
  for (let first = 0; first < edits.length; first += MOST_EDITS) {
    const results = await api.checkEdits(edits.slice(first, first + MOST_EDITS), signal);
    for (const one of results) found.set(`${one.namespace}/${one.deployment}`, one.manual?.warnings ?? []);
  }
  return found;
}

/** What would end or kill pods of a workload, and does not stand there already with the same number. */
export function newKillsOf(workload: Workload, found: ValueWarning[] = []): ValueWarning[] {
  const isSame = (one: ValueWarning, known: ValueWarning) => known.kills && known.field === one.field && known.kind === one.kind && known.message === one.message;
  return found.filter((one) => one.kills && !workload.warnings.some((known) => isSame(one, known)));
}

/**
 * What `edits` would do to each workload, asked of the API a moment after they change. Undefined while it is not known;
 * what cannot be asked is said when it is saved.
 */
export function useCheck(edits: () => BulkEdit[]) {
  const warnings = shallowRef<Warnings>();
  let current: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(asked: BulkEdit[]): Promise<void> {
    const mine = (current = new AbortController());
    try {
      const found = await warningsOf(asked, mine.signal);
      if (current === mine) warnings.value = found;
    } catch (fault) {
      if (!mine.signal.aborted && !(fault instanceof ApiError)) throw fault;
    }
  }

  function stop(): void {
    clearTimeout(timer);
    current?.abort();
    current = undefined;
  }

  watch(
    () => JSON.stringify(edits().map((edit) => ({ ...edit, note: "" }))),
    () => {
      stop();
      const asked = edits();
      if (!asked.length) warnings.value = undefined;
      else timer = setTimeout(() => void ask(asked), TYPING_PAUSE_MS);
    },
    { immediate: true },
  );
  onScopeDispose(stop);
  return warnings;
}
