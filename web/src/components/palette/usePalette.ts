import { computed, onScopeDispose, ref, shallowRef, watch } from "vue";
import { useI18n } from "vue-i18n";
import { useRouter } from "vue-router";
import * as api from "@/api";
import { ApiError } from "@/api/client";
import { useSession } from "@/composables/useSession";
import { GROUPS, visibleGroups } from "../rail/pages";
import { pagesOf, type Found } from "./finding";

const TYPING_PAUSE_MS = 150;
const MOST_WORKLOADS = 8;

/** What is found of what is typed: pages at once, workloads of the cluster when the typing pauses. */
export function usePalette() {
  const { t } = useI18n();
  const router = useRouter();
  const { may, cluster } = useSession();
  const typed = ref("");
  const workloads = shallowRef<Found[]>([]);
  const isSearching = ref(false);
  const allPages = computed(() =>
    (may("viewer") ? visibleGroups((page) => may(router.resolve({ name: page.name }).meta.needs)) : GROUPS)
      .flatMap((group) => group.pages.map((page): Found => ({ id: `page-${page.name}`, text: t(`nav.${page.name}`), hint: t(`nav.group.${group.name}`), to: { name: page.name } }))),
  );
  const pages = computed(() => pagesOf(allPages.value, typed.value));
  let asking: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function search(text: string): Promise<void> {
    const mine = (asking = new AbortController());
    isSearching.value = true;
    try {
      const { items } = await api.listWorkloads({ search: text, page_size: MOST_WORKLOADS }, mine.signal);
      workloads.value = items.map(({ namespace, deployment }) => ({
        id: `workload-${namespace}-${deployment}`,
        text: deployment,
        hint: namespace,
        to: { name: "workload", params: { cluster: cluster.value, namespace, deployment } },
      }));
    } catch (error) {
      // What is away is said by the banner, and what has ended by the page for logging in.
      if (!mine.signal.aborted && !(error instanceof ApiError)) throw error;
    } finally {
      if (asking === mine) isSearching.value = false;
    }
  }

  watch(typed, (text) => {
    clearTimeout(timer);
    asking?.abort();
    if (!text.trim()) workloads.value = [];
    else timer = setTimeout(() => void search(text.trim()), TYPING_PAUSE_MS);
  });
  onScopeDispose(() => {
    clearTimeout(timer);
    asking?.abort();
  });
  return { typed, pages, workloads, isSearching };
}
