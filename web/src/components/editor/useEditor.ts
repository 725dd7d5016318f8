import { computed, ref, shallowRef, watch } from "vue";
import * as api from "@/api";
import { ApiError } from "@/api/client";
import { useUnsaved } from "@/composables/useUnsaved";
import type { BulkEdit, ValueWarning, Workload, WorkloadDetail } from "@/types";
import { changesOf, draftOf, editOf, faultsOf, rebased, type Draft } from "./editing";
import { newKillsOf, useCheck, warningsOf } from "./useCheck";

/** One workload being edited: draft, faults, saving, and what to do when somebody else was first. */
export function useEditor(cluster: string, workload: () => Workload, saved: () => void, begin?: Draft) {
  const base = shallowRef(workload());
  const draft = ref(begin ?? draftOf(base.value));
  const isSaving = ref(false);
  const error = shallowRef<ApiError>();
  const conflict = shallowRef<WorkloadDetail>();

  const changes = computed(() => changesOf(base.value, draft.value));
  const faults = computed(() => faultsOf(base.value, draft.value));
  const canSave = computed(() => changes.value.length > 0 && Object.keys(faults.value).length === 0);
  const edit = computed(() => editOf(base.value, draft.value));
  const named = computed((): BulkEdit => ({ ...edit.value, namespace: base.value.namespace, deployment: base.value.deployment }));
  const key = computed(() => `${base.value.namespace}/${base.value.deployment}`);
  const checked = useCheck(() => (canSave.value ? [named.value] : []));
  const warnings = computed(() => checked.value?.get(key.value) ?? base.value.warnings);
  /** What would end or kill pods, and waits for a second word. */
  const killing = shallowRef<ValueWarning[]>([]);
  const isSaved = ref(false);
  const { leave } = useUnsaved(() => !isSaved.value && (changes.value.length > 0 || !!draft.value.note.trim()));

  /** Somebody else has saved since this was begun. */
  const newer = computed(() => (workload().version > base.value.version && !conflict.value ? workload() : undefined));

  // A newer state from the server replaces the base only while nothing is typed: else the edit would seem newer than it is.
  watch(workload, (fresh) => {
    if (changes.value.length === 0 && !conflict.value) start(fresh);
  });

  function start(from: Workload): void {
    base.value = from;
    draft.value = draftOf(from);
    killing.value = [];
    isSaved.value = false;
    error.value = undefined;
    conflict.value = undefined;
  }

  /** `isMeant`: they have seen what it kills. */
  async function save(isMeant = false): Promise<void> {
    if (!canSave.value || isSaving.value) return;
    isSaving.value = true;
    error.value = undefined;
    const path = { cluster, namespace: base.value.namespace, deployment: base.value.deployment };
    try {
      if (!isMeant && (killing.value = newKillsOf(base.value, (await warningsOf([named.value])).get(key.value))).length) return;
      await api.editWorkload(path, edit.value);
      conflict.value = undefined;
      isSaved.value = true;
      saved();
    } catch (fault) {
      if (!(fault instanceof ApiError)) throw fault;
      if (fault.status === 409) conflict.value = await api.getWorkload(path);
      else error.value = fault;
    } finally {
      isSaving.value = false;
      if (isMeant) killing.value = [];
    }
  }

  /** What they have saved, beside what is typed here. */
  async function compare(): Promise<void> {
    conflict.value = await api.getWorkload({ cluster, namespace: base.value.namespace, deployment: base.value.deployment });
  }

  /** Forget the draft; what the other one has saved is shown. */
  function keepTheirs(): void {
    if (conflict.value) start(conflict.value);
    isSaved.value = true;
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

  return { base, draft, changes, faults, edit, warnings, killing, leave, canSave, isSaving, error, newer, conflict, compare, save, keepTheirs, saveMine, reset: () => start(workload()) };
}
