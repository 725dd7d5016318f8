import type { RouteLocationNormalizedLoaded } from "vue-router";

/** Where somebody wanted to go who had to log in first. Only a path of this very site: somebody may have made the link. */
export function afterLogin(login: Pick<RouteLocationNormalizedLoaded, "query">): string {
  const next = login.query["next"];
  return typeof next === "string" && /^\/(?![/\\])/.test(next) ? next : "/";
}
