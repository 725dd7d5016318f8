import { computed, ref, shallowRef, watch } from "vue";
import * as api from "@/api";
import { ApiError } from "@/api/client";
import type { Workload, WorkloadDetail } from "@/types";
import { changesOf, draftOf, editOf, faultsOf, rebased } from "./editing";

/** One workload being edited: draft, faults, saving, and what to do when somebody else was first. */
export function useEditor(cluster: string, workload: () => Workload, saved: () => void) {
  const base = shallowRef(workload());
  const draft = ref(draftOf(base.value));
  const isSaving = ref(false);
  const error = shallowRef<ApiError>();
  const conflict = shallowRef<WorkloadDetail>();

  const changes = computed(() => changesOf(base.value, draft.value));
  const faults = computed(() => faultsOf(base.value, draft.value));
  const canSave = computed(() => changes.value.length > 0 && Object.keys(faults.value).length === 0);

  // A newer state from the server replaces the base only while nothing is typed: else the edit would seem newer than it is.
  watch(workload, (fresh) => {
    if (changes.value.length === 0 && !conflict.value) start(fresh);
  });

  function start(from: Workload): void {
    base.value = from;
    draft.value = draftOf(from);
    error.value = undefined;
    conflict.value = undefined;
  }

  async function save(): Promise<void> {
    if (!canSave.value || isSaving.value) return;
    isSaving.value = true;
    error.value = undefined;
    const path = { cluster, namespace: base.value.namespace, deployment: base.value.deployment };
    try {
      await api.editWorkload(path, editOf(base.value, draft.value));
      conflict.value = undefined;
      saved();
    } catch (fault) {
      if (!(fault instanceof ApiError)) throw fault;
      if (fault.status === 409) conflict.value = await api.getWorkload(path);
      else error.value = fault;
    } finally {
      isSaving.value = false;
    }
  }

  /** Forget the draft; what the other one has saved is shown. */
  function keepTheirs(): void {
    if (conflict.value) start(conflict.value);
    saved();
  }

  /** My changes on top of theirs. */
  async function saveMine(): Promise<void> {
    const current = conflict.value;
    if (!current) return;
    draft.value = rebased(base.value, draft.value, current);
    base.value = current;
    if (changes.value.length === 0) keepTheirs();
    else await save();
  }

  return { base, draft, changes, faults, canSave, isSaving, error, conflict, save, keepTheirs, saveMine, reset: () => start(workload()) };
}
