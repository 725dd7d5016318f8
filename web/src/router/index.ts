import { createRouter, createWebHistory, type RouteLocationNormalized } from "vue-router";
import { ApiError, whenSessionEnds } from "@/api/client";
import { useSession } from "@/composables/useSession";
import { i18n } from "@/locales";

declare module "vue-router" {
  interface RouteMeta {
    /** Key of the page's name in `nav`. */
    title: string;
    /** Anybody may see it. */
    isPublic?: boolean;
  }
}

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
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
        { path: ":nowhere(.*)*", name: "nowhere", component: () => import("@/components/NoSuchPage.vue"), meta: { title: "nowhere" } },
      ],
    },
  ],
});

/** Where to log in, and how to come back. */
function loginPage(from: RouteLocationNormalized) {
  return { name: "login", query: from.fullPath === "/" ? {} : { next: from.fullPath } };
}

router.beforeEach(async (to) => {
  if (to.meta.isPublic) return true;
  try {
    const session = await useSession().find();
    if (!session) return loginPage(to);
    return session.must_change_password && !session.may_skip_change ? loginPage(to) : true;
  } catch (error) {
    // The API is away: the page is shown, with the banner that says so, and loads when it is back.
    if (error instanceof ApiError) return true;
    throw error;
  }
});

router.afterEach((to) => {
  const page = to.name === "workload" ? String(to.params["deployment"]) : i18n.global.t(`nav.${to.meta.title}`);
  document.title = `${page} · KubeDoor`;
});

whenSessionEnds(() => {
  useSession().forget();
  const here = router.currentRoute.value;
  if (here.name && !here.meta.isPublic) void router.push(loginPage(here));
});
