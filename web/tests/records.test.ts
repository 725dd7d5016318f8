import { describe, expect, test } from "vitest";
import { byWorkload, fieldOf, writtenOf } from "@/views/transfer/modules/sheets";
import { hasNothing } from "@/views/transfer/modules/exports";
import { differences, faultOf } from "@/views/record/modules/differences";
import { asked, DEFAULTS, fromField, toField } from "@/views/record/modules/filters";
import { unsaid } from "@/locales/sentences";
import type { Audit, SheetChange } from "@/types";

function line(given: Partial<Audit> = {}): Audit {
  return {
    at: "2026-11-24T10:00:00Z", id: "1", cluster: "main", who: "alice", via: "session", address: "192.0.2.7", action: "workload.edit", target: "main/shop/cart", namespace: "shop",
    before: {}, after: {}, outcome: "done", ...given,
  };
}

describe("what a change was", () => {
  test("only fields that became something else are named, those inside of others too", () => {
    const before = { version: 1, mode: null, replicas: 3, note: "old", containers: { cart: { cpu_request_millicores: 250, memory_request_bytes: null } } };
    const after = { version: 1, mode: null, replicas: 5, note: "old", containers: { cart: { cpu_request_millicores: 300, memory_request_bytes: null } }, based_on: 1 };
    expect(differences({ before, after })).toEqual([
      { path: ["replicas"], before: 3, after: 5 },
      { path: ["containers", "cart", "cpu_request_millicores"], before: 250, after: 300 },
    ]);
  });

  test("a container whose values are all unset is named", () => {
    const found = differences({ before: { containers: { cart: { cpu_request_millicores: 250 } } }, after: { containers: {} } });
    expect(found).toEqual([{ path: ["containers", "cart", "cpu_request_millicores"], before: 250, after: undefined }]);
  });

  test("what an action does not name has not changed", () => {
    expect(differences({ before: { replicas: 3, manual_replicas: 4 }, after: { replicas: 5, restarts: false, action: "a1" } })).toEqual([{ path: ["replicas"], before: 3, after: 5 }]);
  });

  test("what was removed is named as it was", () => {
    expect(differences({ before: { role: "viewer" }, after: {} })).toEqual([{ path: ["role"], before: "viewer", after: undefined }]);
    expect(differences({ before: { role: "viewer" }, after: { error: "the last admin" } })).toEqual([{ path: ["role"], before: "viewer", after: undefined }]);
  });

  test("of what is made, what is not set and what does not hold are left out", () => {
    expect(differences({ before: {}, after: { cron: "@daily", at: null, paused: false, enabled: false } })).toEqual([
      { path: ["cron"], before: undefined, after: "@daily" },
      { path: ["enabled"], before: undefined, after: false },
    ]);
  });

  test("lists count as one value", () => expect(differences({ before: { events: ["a"] }, after: { events: ["a", "b"] } })).toHaveLength(1));
});

describe("a change that failed", () => {
  const failed = line({ id: "2", outcome: "failed", after: { replicas: 3, error: "somebody was first" } });

  test("says why", () => expect([faultOf(failed), faultOf(line())]).toEqual([unsaid("somebody was first"), undefined]));

  test("says it with its code, where there is one", () => {
    const said = { code: "operations.no_pods", parameters: {}, text: "there will be no pods at all" };
    expect(faultOf(line({ outcome: "failed", after: { error: said.text, error_said: said } }))).toEqual(said);
  });
});

describe("the filters of the address", () => {
  const NOW = Date.parse("2026-11-24T12:00:00Z");

  test("what is not set is not asked", () => expect(asked(DEFAULTS, NOW)).toEqual({}));

  test("a time counts back from now", () => expect(asked({ ...DEFAULTS, who: "alice", time: "day" }, NOW)).toEqual({ who: "alice", since: "2026-11-23T12:00:00.000Z" }));

  test("a range counts only while it is chosen, and only what is an instant", () => {
    const range = { since: "2026-11-01T00:00:00.000Z", until: "yesterday" };
    expect(asked({ ...DEFAULTS, ...range, time: "range" }, NOW)).toEqual({ since: range.since });
    expect(asked({ ...DEFAULTS, ...range }, NOW)).toEqual({});
  });

  test("an instant goes through a field of the browser's zone and back", () => {
    expect(fromField(toField("2026-11-24T10:15:00.000Z"))).toBe("2026-11-24T10:15:00.000Z");
    expect([toField(""), fromField("")]).toEqual(["", ""]);
  });
});

describe("a sheet", () => {
  const change = (given: Partial<SheetChange>): SheetChange => ({ line: 2, namespace: "shop", deployment: "cart", container: "", field: "replicas", before: null, after: 7, ...given });

  test("is shown workload by workload, in its order", () => {
    const found = byWorkload([change({}), change({ deployment: "web", line: 3 }), change({ container: "cart", field: "cpu_request_millicores", line: 4 })]);
    expect(found.map((one) => [one.deployment, one.line, one.changes.length])).toEqual([["cart", 2, 2], ["web", 3, 1]]);
  });

  test.each([
    ["cpu_request_millicores", 250, "250m"],
    ["memory_limit_bytes", 2 ** 29, "512Mi"],
    ["replicas", 0, "0"],
    ["replicas", null, undefined],
  ] as const)("%s %s is written as %s", (field, value, want) => expect(writtenOf({ field }, value)).toBe(want));

  test("a field is named without its unit", () => expect(fieldOf({ field: "memory_limit_bytes" })).toBe("memory_limit"));
});

test.each([
  ["csv", "namespace,deployment\r\n", true],
  ["csv", "namespace,deployment\r\nshop,cart\r\n", false],
  ["json", "[]", true],
  ["json", "[\n {}]", false],
  ["helm", "", true],
  ["kustomize", "---\n", false],
] as const)("%s %j has nothing in it: %s", (format, text, want) => expect(hasNothing(format, text)).toBe(want));
