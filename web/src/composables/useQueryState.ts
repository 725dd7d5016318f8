import { computed, type WritableComputedRef } from "vue";
import { useRoute, useRouter, type LocationQuery } from "vue-router";

function first(query: LocationQuery, name: string): string | undefined {
  const value = query[name];
  return (Array.isArray(value) ? value[0] : value) ?? undefined;
}

/** The state of a page in its address, so that a link is all one has to send. Defaults are left out of it. */
export function useQueryState<T extends Record<string, string>>(defaults: T) {
  const route = useRoute();
  const router = useRouter();
  const state = computed(() => {
    const entries = Object.entries(defaults).map(([name, value]) => [name, first(route.query, name) ?? value]);
    return Object.fromEntries(entries) as T;
  });

  /** `isStep`: Back leads to what was before. */
  function set(changes: Partial<T>, { isStep = false } = {}): void {
    const query: Record<string, string> = {};
    for (const [name, value] of Object.entries({ ...state.value, ...changes })) {
      if (value !== defaults[name]) query[name] = String(value);
    }
    for (const name of Object.keys(route.query)) {
      if (!(name in defaults)) query[name] = first(route.query, name) ?? "";
    }
    void (isStep ? router.push : router.replace)({ query, hash: route.hash });
  }

  /** One value of it, for a v-model; `also` is set along with it, such as the page back to the first. */
  function field<K extends keyof T & string>(name: K, also: Partial<T> = {}): WritableComputedRef<T[K]> {
    return computed({ get: () => state.value[name], set: (value) => set({ ...also, [name]: value } as Partial<T>) });
  }

  return { state, set, field };
}
