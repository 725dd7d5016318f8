import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, call, checkReturn, isAway, returns, whenSessionEnds } from "@/api/client";

const fetched = vi.fn<typeof fetch>();

beforeEach(() => {
  vi.stubGlobal("fetch", fetched);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  fetched.mockReset();
  isAway.value = false;
});

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

test("a path is filled in and escaped, and empty values stay out of the query", async () => {
  fetched.mockResolvedValue(json({}));
  const path = { cluster: "default", namespace: "a/b", deployment: "c" };
  await call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/history", { path, query: { days: 90 } });
  expect(fetched.mock.calls[0]?.[0]).toBe("/api/v1/workloads/default/a%2Fb/c/history?days=90");
  fetched.mockResolvedValue(json({}));
  await call("get", "/api/v1/workloads", { query: { search: "", hpa: false } });
  expect(fetched.mock.calls[1]?.[0]).toBe("/api/v1/workloads?hpa=false");
});

test("the API's error is raised with its code, words and field", async () => {
  fetched.mockResolvedValue(json({ error: { code: "invalid_input", message: "no", details: { field: "replicas" } } }, 422));
  const error = await call("get", "/api/v1/overview", {}).catch((fault: unknown) => fault);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 422, code: "invalid_input", message: "no", field: "replicas" });
  expect(isAway.value).toBe(false);
});

test("a session that has ended is told once to whoever wants to know", async () => {
  const ended = vi.fn();
  whenSessionEnds(ended);
  fetched.mockResolvedValue(json({ error: { code: "unauthorized", message: "log in", details: {} } }, 401));
  await expect(call("get", "/api/v1/overview", {})).rejects.toMatchObject({ status: 401 });
  expect(ended).toHaveBeenCalledOnce();
});

test("no answer means away, until the health check answers again", async () => {
  fetched.mockRejectedValue(new TypeError("failed to fetch"));
  await expect(call("get", "/api/v1/overview", {})).rejects.toMatchObject({ code: "away" });
  expect(isAway.value).toBe(true);
  const before = returns.value;
  fetched.mockResolvedValue(json({ status: "ok" }));
  await checkReturn();
  expect(isAway.value).toBe(false);
  expect(returns.value).toBe(before + 1);
});

test("a gateway's page instead of an answer means away, too", async () => {
  fetched.mockResolvedValue(new Response("<html>Bad gateway</html>", { status: 502 }));
  await expect(call("get", "/api/v1/overview", {})).rejects.toMatchObject({ code: "away" });
  expect(isAway.value).toBe(true);
});

test("a question that was called off is nobody's absence", async () => {
  const controller = new AbortController();
  fetched.mockImplementation(() => Promise.reject(new DOMException("aborted", "AbortError")));
  controller.abort();
  await expect(call("get", "/api/v1/overview", { signal: controller.signal })).rejects.toThrow();
  expect(isAway.value).toBe(false);
});
