import { computed, shallowRef } from "vue";
import * as api from "@/api";
import { ApiError, cluster } from "@/api/client";
import type { Role, Session } from "@/types";

/** Which roles may do what is decided by the API (functions/api/security/role_table.py); here, what is worth showing. */
const RANK: Record<string, number> = { viewer: 1, operator: 2, admin: 3 };
const session = shallowRef<Session | null>(null);
/** A refusal asks anew, and that may be refused as well. */
let isRefreshing = false;

const may = (needed?: Role) => !needed || (RANK[session.value?.role ?? ""] ?? 0) >= (RANK[needed] ?? 0);

/** Who is logged in. */
export function useSession() {
  return {
    session,
    /** Whether the role is at least this one. */
    may,
    /** Whoever may only look gets no controls that change anything. */
    canEdit: computed(() => may("operator")),
    canSwitch: computed(() => may("admin")),
    /** Somebody from an identity provider has no password here. */
    hasPassword: computed(() => session.value?.source !== "oidc"),
    mustChange: computed(() => session.value?.must_change_password === true),
    /** The one that is looked at. */
    cluster: computed(() => cluster.value || session.value?.cluster || ""),
    isSample: computed(() => (cluster.value ? session.value?.clusters.find((one) => one.name === cluster.value) : session.value)?.is_sample === true),
    find,
    refresh,
    forget: () => (session.value = null),
    logIn: async (username: string, password: string) => (session.value = await api.logIn(username, password)),
    changePassword: async (before: string, after: string) => (session.value = await api.changePassword(before, after)),
    logOut: async () => {
      await api.logOut();
      session.value = null;
    },
    /** Ends every session there is, this one too. */
    logOutEverywhere: async () => {
      await api.logOutEverywhere();
      session.value = null;
    },
  };
}

/** The session there is; null when nobody is logged in. Raises ApiError for anything else. */
async function find(): Promise<Session | null> {
  if (session.value) return session.value;
  try {
    session.value = await api.whoAmI();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
  }
  return session.value;
}

/** Ask again: an administrator may have given another role. What cannot be asked now stays as it was. */
async function refresh(): Promise<void> {
  if (isRefreshing) return;
  isRefreshing = true;
  try {
    session.value = await api.whoAmI();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  } finally {
    isRefreshing = false;
  }
}
