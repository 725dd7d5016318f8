import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RouteLocationNormalized } from "vue-router";
import { addressOf, call, cluster } from "@/api/client";
import { lookAt, namedBy, useClusters, withCluster } from "@/composables/useClusters";
import { useSession } from "@/composables/useSession";
import { say, unsaid } from "@/locales/sentences";
import type { Session } from "@/types";

const fetched = vi.fn<typeof fetch>();
const names = (...all: string[]) => all.map((name) => ({ name, is_sample: name === "home", no_access: name === "west" ? "no access" : "", no_access_said: unsaid("no access") }));
const to = (path: string, query = {}, params = {}, meta = {}) => ({ path, query, params, meta, hash: "" }) as unknown as RouteLocationNormalized;

function logIn(...clusters: string[]): void {
  useSession().session.value = { cluster: "home", is_sample: true, clusters: names(...clusters) } as unknown as Session;
}

beforeEach(() => vi.stubGlobal("fetch", fetched));
afterEach(() => {
  vi.unstubAllGlobals();
  fetched.mockReset();
  localStorage.clear();
  cluster.value = "";
  useSession().session.value = null;
});

test("questions are about the cluster that is looked at, except for what clusters have in common", async () => {
  cluster.value = "west";
  fetched.mockImplementation(() => Promise.resolve(new Response("{}")));
  await call("get", "/api/v1/workloads", { query: { search: "cart" } });
  await call("get", "/api/v1/users", {});
  await call("get", "/api/v1/session", {});
  await call("get", "/api/v1/clusters", {});
  const path = { cluster: "home", namespace: "shop", deployment: "cart" };
  await call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}", { path });
  expect(fetched.mock.calls.map(([address]) => address)).toEqual([
    "/api/v1/workloads?cluster=west&search=cart", "/api/v1/users", "/api/v1/session", "/api/v1/clusters", "/api/v1/workloads/home/shop/cart",
  ]);
  expect(addressOf("/api/v1/audit/export", {}, {})).toBe("/api/v1/audit/export?cluster=west");
});

test("one cluster is named nowhere", () => {
  logIn("home");
  expect(withCluster(to("/workloads"))).toBeUndefined();
  lookAt(to("/workloads"));
  expect(cluster.value).toBe("");
  expect(useClusters().isMany.value).toBe(false);
});

test("of several, an address that names none gets the one that was looked at last, else home", () => {
  logIn("home", "west");
  expect(withCluster(to("/workloads", { search: "a" }))).toEqual({ path: "/workloads", query: { search: "a", cluster: "home" }, hash: "" });
  lookAt(to("/workloads", { cluster: "west" }));
  cluster.value = "";
  expect(withCluster(to("/door"))).toMatchObject({ query: { cluster: "west" } });
  expect(withCluster(to("/login", {}, {}, { isPublic: true }))).toBeUndefined();
});

test("what an address names counts, even a cluster that is none", () => {
  logIn("home", "west");
  expect(withCluster(to("/workloads", { cluster: "nowhere" }))).toBeUndefined();
  lookAt(to("/workloads", { cluster: "nowhere" }));
  expect(cluster.value).toBe("nowhere");
  expect(useSession().isSample.value).toBe(false);
  lookAt(to("/workloads/west/shop/cart", {}, { cluster: "west" }));
  expect([cluster.value, say(useClusters().noAccess.value)]).toEqual(["west", "no access"]);
  expect(namedBy(to("/", { cluster: ["west", "home"] }))).toBe("west");
});
