import { ElMessage } from "element-plus/es/components/message/index";
import { computed, onScopeDispose, ref, shallowRef, watch } from "vue";
import { useI18n } from "vue-i18n";
import type { WorkloadQuery } from "@/api";
import { ApiError } from "@/api/client";
import { keyOf } from "@/components/acting/wishes";
import { useErrorText } from "@/composables/useErrorText";
import { useSession } from "@/composables/useSession";
import type { Workload } from "@/types";
import { allWorkloads } from "./exporting";

/** Outlives the page, so that whoever comes back from a workload finds it; for one person in one cluster. */
const selected = shallowRef(new Map<string, Workload>());
let owner = "";

/** What is selected on all pages of the list. */
export function useSelection() {
  const { t } = useI18n();
  const textOf = useErrorText();
  const { cluster, session } = useSession();
  /** The share that is there of a selection by the filters; undefined: none is being made. */
  const share = ref<number>();
  let current: AbortController | undefined;

  /** Every workload that the filters match by now, however many pages they are. */
  async function selectMatching(wanted: WorkloadQuery, count: number): Promise<void> {
    current?.abort();
    const { signal } = (current = new AbortController());
    share.value = 0;
    try {
      const rows = await allWorkloads(wanted, (part) => (share.value = part), signal);
      const found = new Map(rows.map((row) => [keyOf(row), row]));
      selected.value = new Map([...selected.value, ...found]);
      if (found.size !== count) ElMessage.warning(t("workloads.changedMeanwhile", { count, now: found.size }));
    } catch (fault) {
      if (signal.aborted) return;
      if (!(fault instanceof ApiError)) throw fault;
      const { what, why } = textOf(fault);
      ElMessage.error(`${what}: ${why}`);
    } finally {
      if (!signal.aborted) share.value = undefined;
    }
  }

  /** What was selected stays so with the values that it has by now. */
  function renew(rows: Workload[]): void {
    const newer = rows.filter((row) => selected.value.has(keyOf(row)));
    if (newer.length) selected.value = new Map([...selected.value, ...newer.map((row) => [keyOf(row), row] as const)]);
  }

  function clear(): void {
    current?.abort();
    share.value = undefined;
    selected.value = new Map();
  }

  watch(
    () => `${session.value?.username ?? ""}@${cluster.value}`,
    (now) => {
      if (owner && owner !== now) clear();
      owner = now;
    },
    { immediate: true },
  );
  onScopeDispose(() => current?.abort());
  return { selected, share: computed(() => share.value), selectMatching, renew, clear };
}
