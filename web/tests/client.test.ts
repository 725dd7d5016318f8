import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, call, checkReturn, isAway, readBeginning, returns, whenRefused, whenSessionEnds } from "@/api/client";
import { useSession } from "@/composables/useSession";

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

test("a refusal asks once who one is now, even when that is refused as well", async () => {
  const { refresh, session } = useSession();
  whenRefused(() => void refresh());
  fetched.mockImplementation(() => Promise.resolve(json({ error: { code: "forbidden", message: "no", details: {} } }, 403)));
  await expect(call("get", "/api/v1/users", {})).rejects.toMatchObject({ status: 403 });
  await vi.runAllTimersAsync();
  expect(fetched.mock.calls.map(([address]) => address)).toEqual(["/api/v1/users", "/api/v1/session"]);
  expect(session.value).toBeNull();
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

test("a sheet goes as it is, with its own type", async () => {
  fetched.mockResolvedValue(json({ changes: [], problems: [], applied: 0, fingerprint: "" }));
  const sheet = new Blob(["namespace,deployment\n"], { type: "text/csv" });
  await call("post", "/api/v1/values/import", { body: sheet, query: { fingerprint: "abc" } });
  expect(fetched.mock.calls[0]?.[0]).toBe("/api/v1/values/import?fingerprint=abc");
  expect(fetched.mock.calls[0]?.[1]).toMatchObject({ body: sheet, headers: {} });
});

test("of a long text only the beginning is read", async () => {
  const stopped = vi.fn();
  const pieces = new ReadableStream({ pull: (controller) => controller.enqueue(new TextEncoder().encode("0123456789")), cancel: stopped });
  fetched.mockResolvedValue(new Response(pieces));
  const signal = new AbortController().signal;
  expect(await readBeginning("/api/v1/values/export", { format: "csv" }, 25, signal)).toEqual({ text: "0123456789012345678901234".slice(0, 25), isAll: false });
  expect(stopped).toHaveBeenCalledOnce();
  fetched.mockResolvedValue(new Response("short"));
  expect(await readBeginning("/api/v1/values/export", { format: "csv" }, 25, signal)).toEqual({ text: "short", isAll: true });
});
