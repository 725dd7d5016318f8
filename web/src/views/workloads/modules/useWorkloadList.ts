import { computed } from "vue";
import * as api from "@/api";
import type { WorkloadQuery } from "@/api";
import { useQueryState } from "@/composables/useQueryState";
import { useFresh } from "@/composables/useFresh";
import { useResource } from "@/composables/useResource";
import { CONDITION_TYPES } from "@/format/conditions";
import { LIVE_STATES } from "@/format/live";
import type { WorkloadPage } from "@/types";

export const PAGE_SIZES = [25, 50, 100, 200];
export const SORTS = ["name", "replicas", "cpu_waste", "cpu_requested", "cpu_used", "memory_waste", "memory_requested", "memory_used", "cpu_saved", "memory_saved", "oom_kills", "edited_at"] as const;
export type Sort = (typeof SORTS)[number];
/** Names from A on, numbers and times from the greatest down. */
export const firstOrder = (sort: Sort) => (sort === "name" ? "asc" : "desc");
const DEFAULTS = { search: "", namespace: "", mode: "", asked: "", manual: "", hpa: "", condition: "", withheld: "", waiting: "", state: "", oom: "", danger: "", sized: "", sort: "name", order: "", page: "1", size: "50", edit: "" };
const FILTERS = ["search", "namespace", "mode", "asked", "manual", "hpa", "condition", "withheld", "waiting", "state", "oom", "danger", "sized"] as const;

const yesNo = (text: string) => (text === "true" ? true : text === "false" ? false : undefined);
const oneOf = <T extends string>(text: string, allowed: readonly T[]): T | undefined => allowed.find((value) => value === text);
const gistOf = (page: WorkloadPage) => [page.total, page.items.map((one) => [one.namespace, one.deployment, one.version, one.live.state, one.live.replicas, one.newest_day])];
const whole = (text: string, fallback: number) => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : fallback);

/** The list as its address says it is: filters, order, page. */
export function useWorkloadList() {
  const { state, set, field } = useQueryState(DEFAULTS);

  /** Without the page: what an export asks for, too. */
  const wanted = computed<WorkloadQuery>(() => ({
    search: state.value.search,
    namespace: state.value.namespace,
    mode: oneOf(state.value.mode, ["enforce", "observe", "off"] as const),
    asked: oneOf(state.value.asked, ["over", "under", "none"] as const),
    has_manual: yesNo(state.value.manual),
    // One choice of three.
    collected: state.value.manual === "uncollected" ? false : undefined,
    hpa: yesNo(state.value.hpa),
    condition: oneOf(state.value.condition, CONDITION_TYPES),
    withheld: yesNo(state.value.withheld),
    waiting: yesNo(state.value.waiting),
    state: oneOf(state.value.state, LIVE_STATES),
    oom_killed: yesNo(state.value.oom),
    dangerous: yesNo(state.value.danger),
    sized: yesNo(state.value.sized),
    sort: oneOf(state.value.sort, SORTS) ?? "name",
    order: oneOf(state.value.order, ["asc", "desc"] as const) ?? firstOrder(oneOf(state.value.sort, SORTS) ?? "name"),
  }));
  const query = computed<WorkloadQuery>(() => ({
    ...wanted.value,
    page: whole(state.value.page, 1),
    page_size: Math.min(500, whole(state.value.size, 50)),
  }));
  const list = useResource((signal) => api.listWorkloads(query.value, signal), [() => JSON.stringify(query.value)]);
  const fresh = useFresh(list, { ask: (signal) => api.listWorkloads(query.value, signal), isBusy: () => state.value.edit !== "", gist: gistOf });
  const isFiltered = computed(() => FILTERS.some((name) => state.value[name] !== ""));

  /** Turns the order round if it is sorted so already; numbers start with the greatest. */
  function sortBy(sort: Sort): void {
    const isTurned = wanted.value.sort === sort && wanted.value.order === firstOrder(sort);
    set({ sort, order: isTurned ? (firstOrder(sort) === "asc" ? "desc" : "asc") : "", page: "1" });
  }

  function clear(): void {
    set({ ...Object.fromEntries(FILTERS.map((name) => [name, ""])), page: "1" });
  }

  return { ...list, fresh, state, set, field, wanted, query, isFiltered, sortBy, clear };
}
