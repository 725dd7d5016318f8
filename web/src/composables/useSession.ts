import { computed, shallowRef } from "vue";
import * as api from "@/api";
import { ApiError } from "@/api/client";
import type { Session } from "@/types";

/** Which roles may do what is decided by the API (functions/api/roles.py); here, what is worth showing. */
const EDITORS = new Set(["operator", "admin"]);
const session = shallowRef<Session | null>(null);

/** Who is logged in. */
export function useSession() {
  return {
    session,
    /** Whoever may only look gets no controls that change anything. */
    canEdit: computed(() => EDITORS.has(session.value?.role ?? "")),
    canSwitch: computed(() => session.value?.role === "admin"),
    /** Somebody from an identity provider has no password here. */
    hasPassword: computed(() => session.value?.source !== "oidc"),
    mustChange: computed(() => session.value?.must_change_password === true),
    cluster: computed(() => session.value?.cluster ?? ""),
    isSample: computed(() => session.value?.is_sample === true),
    find,
    forget: () => (session.value = null),
    logIn: async (username: string, password: string) => (session.value = await api.logIn(username, password)),
    changePassword: async (before: string, after: string) => (session.value = await api.changePassword(before, after)),
    logOut: async () => {
      await api.logOut();
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
