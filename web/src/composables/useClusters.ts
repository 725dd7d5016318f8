import { computed, effectScope, type Ref } from "vue";
import { useRouter, type RouteLocationRaw, type RouteLocationNormalized, type RouteLocationResolved } from "vue-router";
import { cluster } from "@/api/client";
import { useKept } from "./useKept";
import { useSession } from "./useSession";

// For as long as the page is there, not for as long as whoever asked first.
const remembered = effectScope(true).run(() => useKept("cluster", "", (value): value is string => typeof value === "string")) as Ref<string>;
const { session } = useSession();
const entries = computed(() => session.value?.clusters ?? []);
const isMany = computed(() => entries.value.length > 1);
/** Why nothing can be done in the cluster that is looked at; undefined: it can. */
const noAccess = computed(() => entries.value.find((one) => one.name === cluster.value && one.no_access)?.no_access_said);
/** What would not be there in another cluster: a page of a list, an editor, a collection, its day. */
const OF_ONE_CLUSTER = ["page", "edit", "run", "day"];

/** The clusters there are. Which of them is looked at is in the address. */
export function useClusters() {
  return { entries, isMany, noAccess };
}

/** Leads to the same page of another cluster; what stands for one thing of this cluster gives way to its list. */
export function useOtherCluster(): (name: string) => void {
  const router = useRouter();
  return (name) => {
    const { path, query, params } = router.currentRoute.value;
    const kept = Object.fromEntries(Object.entries(query).filter(([key]) => !OF_ONE_CLUSTER.includes(key)));
    if ("cluster" in params) void router.push({ params: { ...params, cluster: name }, query: kept });
    else if (Object.keys(params).length) void router.push({ path: `/${path.split("/")[1]}`, query: { cluster: name } });
    else void router.push({ path, query: { ...kept, cluster: name } });
  };
}

type Location = Pick<RouteLocationNormalized, "params" | "query">;

/** The cluster that an address names; undefined: it names none. */
export function namedBy({ params, query }: Location): string | undefined {
  const found = params["cluster"] ?? query["cluster"];
  return (Array.isArray(found) ? found[0] : found) ?? undefined;
}

/** Where several clusters make the address name one, the same address with one; undefined: it is well as it is. */
export function withCluster(to: RouteLocationNormalized | RouteLocationResolved): RouteLocationRaw | undefined {
  if (!isMany.value || to.meta.isPublic || namedBy(to) !== undefined) return undefined;
  const known = [cluster.value, remembered.value].find((name) => entries.value.some((one) => one.name === name));
  return { path: to.path, query: { ...to.query, cluster: known ?? entries.value[0]?.name }, hash: to.hash };
}

/** From now on questions are about the cluster of this address. */
export function lookAt(to: RouteLocationNormalized): void {
  if (to.meta.isPublic) return;
  cluster.value = namedBy(to) ?? "";
  if (isMany.value && entries.value.some((one) => one.name === cluster.value)) remembered.value = cluster.value;
}
