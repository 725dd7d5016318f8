import { createRouter, createWebHistory, START_LOCATION, type RouteLocationNormalized, type RouteLocationNormalizedLoaded, type RouteLocationRaw } from "vue-router";
import { watch } from "vue";
import { ApiError, whenRefused, whenSessionEnds } from "@/api/client";
import { lookAt, namedBy, withCluster } from "@/composables/useClusters";
import { useSession } from "@/composables/useSession";
import { guardUnsaved } from "@/composables/useUnsaved";
import { i18n } from "@/locales";
import { afterLogin } from "./afterLogin";
import type { Role } from "@/types";

declare module "vue-router" {
  interface RouteMeta {
    /** Key of the page's name in `nav`. */
    title: string;
    /** Anybody may see it. */
    isPublic?: boolean;
    /** The least role that has any use for it; none: everybody who is logged in. */
    needs?: Role;
  }
}

const MOST_WAIT_MS = 3000;

/** Whoever comes back to a list is where they were once it is there again. */
async function isLongEnough(top: number): Promise<void> {
  const ends = performance.now() + MOST_WAIT_MS;
  while (document.documentElement.scrollHeight - window.innerHeight < top && performance.now() < ends) {
    await new Promise(requestAnimationFrame);
  }
}

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: async (to, from, saved) => {
    if (saved) await isLongEnough(saved.top);
    return saved ?? (to.path === from.path ? false : { top: 0 });
  },
  routes: [
    { path: "/login", name: "login", component: () => import("@/views/login/index.vue"), meta: { title: "login", isPublic: true } },
    {
      path: "/",
      component: () => import("@/components/TheShell.vue"),
      children: [
        { path: "", name: "overview", component: () => import("@/views/overview/index.vue"), meta: { title: "overview" } },
        { path: "workloads", name: "workloads", component: () => import("@/views/workloads/index.vue"), meta: { title: "workloads" } },
        {
          path: "workloads/:cluster/:namespace/:deployment",
          name: "workload",
          component: () => import("@/views/workload/index.vue"),
          props: true,
          meta: { title: "workload" },
        },
        { path: "collection", name: "collection", component: () => import("@/views/collection/index.vue"), meta: { title: "collection" } },
        { path: "checkup", name: "checkup", component: () => import("@/views/checkup/index.vue"), meta: { title: "checkup" } },
        { path: "door", name: "door", component: () => import("@/views/door/index.vue"), meta: { title: "door" } },
        { path: "actions", name: "actions", component: () => import("@/views/actions/index.vue"), meta: { title: "actions" } },
        { path: "actions/:action", name: "action", component: () => import("@/views/actions/ActionPage.vue"), props: true, meta: { title: "actions" } },
        { path: "schedules", name: "schedules", component: () => import("@/views/schedules/index.vue"), meta: { title: "schedules" } },
        { path: "record", name: "record", component: () => import("@/views/record/index.vue"), meta: { title: "record" } },
        { path: "transfer", name: "transfer", component: () => import("@/views/transfer/index.vue"), meta: { title: "transfer" } },
        { path: "notifications", name: "notifications", component: () => import("@/views/notifications/index.vue"), meta: { title: "notifications", needs: "operator" } },
        { path: "people", name: "people", component: () => import("@/views/people/index.vue"), meta: { title: "people", needs: "admin" } },
        { path: "documents/:document?", name: "documents", component: () => import("@/views/documents/index.vue"), props: true, meta: { title: "documents" } },
        { path: ":nowhere(.*)*", name: "nowhere", component: () => import("@/components/NoSuchPage.vue"), meta: { title: "nowhere" } },
      ],
    },
  ],
});

guardUnsaved(router);

/** Where to log in, and how to come back; `reason`: why somebody who was logged in has to. */
function loginPage(from: RouteLocationNormalized, reason?: "ended") {
  return { name: "login", query: { ...(from.fullPath === "/" ? {} : { next: from.fullPath }), ...(reason ? { reason } : {}) } };
}

/** Whoever is logged in has nothing to do on the page for that, unless the password has to be changed. */
async function passLogin(to: RouteLocationNormalized, from: RouteLocationNormalized) {
  const { session, find } = useSession();
  const known = session.value ?? (from === START_LOCATION && !to.redirectedFrom ? await find().catch(() => null) : null);
  return !known || (known.must_change_password && !known.may_skip_change) ? true : afterLogin(to);
}

router.beforeEach(async (to, from) => {
  if (to.meta.isPublic) return passLogin(to, from);
  try {
    const session = await useSession().find();
    if (!session) return loginPage(to);
    if (session.must_change_password && !session.may_skip_change) return loginPage(to);
    return withCluster(to) ?? true;
  } catch (error) {
    // The API is away: the page is shown, with the banner that says so, and loads when it is back.
    if (error instanceof ApiError) return true;
    throw error;
  }
});

// Links show where they lead, in another window too.
const resolve = router.resolve;
router.resolve = ((to: RouteLocationRaw, from?: RouteLocationNormalizedLoaded) => {
  const found = resolve(to, from);
  const named = withCluster(found);
  return named ? resolve(named, from) : found;
}) as typeof resolve;

/** In the language of the page, also when that is changed. */
function nameTab(to: RouteLocationNormalized): void {
  if (!to.name) return;
  const page = to.name === "workload" ? String(to.params["deployment"]) : i18n.global.t(`nav.${to.meta.title}`);
  const cluster = to.meta.isPublic ? undefined : namedBy(to);
  document.title = [page, cluster, "KubeDoor"].filter(Boolean).join(" · ");
}

router.afterEach((to, _from, failure) => {
  if (!failure) lookAt(to);
  nameTab(to);
});
watch(i18n.global.locale, () => nameTab(router.currentRoute.value), { flush: "post" });

whenSessionEnds(() => {
  useSession().forget();
  const here = router.currentRoute.value;
  if (here.name && !here.meta.isPublic) void router.push(loginPage(here, "ended"));
});

whenRefused(() => void useSession().refresh());
