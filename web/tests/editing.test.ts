import { describe, expect, test } from "vitest";
import { changesOf, draftOf, editOf, faultsOf, rebased, type Draft } from "@/components/editor/editing";
import { container, MIB, workload } from "./samples";

function typed(given: Partial<Draft> & { fields?: Record<string, string> }, from = workload()): Draft {
  const draft = { ...draftOf(from), ...given };
  Object.assign(draft.containers["cart"] ?? {}, given.fields);
  return draft;
}

describe("faultsOf", () => {
  test.each([
    ["nothing typed", {}, {}],
    ["a good request", { fields: { cpu_request: "800m" } }, {}],
    ["no quantity", { fields: { cpu_request: "800 milli" } }, { "containers.cart.cpu_request": "not_a_quantity" }],
    ["a request above the collected limit", { fields: { cpu_request: "3" } }, { "containers.cart.cpu_request": "above_limit" }],
    ["a request above, with its limit raised", { fields: { cpu_request: "3", cpu_limit: "4" } }, {}],
    ["a limit below the collected request", { fields: { memory_limit: "100Mi" } }, { "containers.cart.memory_request": "above_limit" }],
    ["replicas that are no number", { replicas: "a few" }, { replicas: "not_whole" }],
    ["half a replica", { replicas: "1.5" }, { replicas: "not_whole" }],
    ["too many replicas", { replicas: "100001" }, { replicas: "too_many" }],
    ["no replicas at all", { replicas: "0" }, {}],
  ])("%s", (_name, given, faults) => expect(faultsOf(workload(), typed(given))).toEqual(faults));
});

test("only what was changed is sent, with the version it is based on", () => {
  const draft = typed({ replicas: "8", note: " sale ", fields: { cpu_request: "800m" } });
  expect(editOf(workload(), draft)).toEqual({ version: 3, note: "sale", replicas: 8, containers: { cart: { cpu_request: "800m" } } });
});

test("a cleared field is sent as null and goes back to what was collected", () => {
  const from = workload({ replicas: 9, manual_replicas: 9, containers: [container({ cpu_request_millicores: 700, manual_cpu_request_millicores: 700 })] });
  const draft = typed({ replicas: "", fields: { cpu_request: "" } }, from);
  expect(editOf(from, draft)).toEqual({ version: 3, note: "", replicas: null, containers: { cart: { cpu_request: null } } });
  expect(changesOf(from, draft).map(({ before, after, isCleared }) => [before, after, isCleared])).toEqual([["9", "6", true], ["700m", "430m", true]]);
});

test("a cleared field that conditions withhold goes back to nothing", () => {
  const withheld = { cpu_request_millicores: ["ShortHistory"] };
  const from = workload({ replicas: 9, manual_replicas: 9, withheld_replicas: ["ShortHistory"], containers: [container({ cpu_request_millicores: 700, manual_cpu_request_millicores: 700, withheld })] });
  expect(changesOf(from, typed({ replicas: "", fields: { cpu_request: "" } }, from)).map(({ after, isCleared }) => [after, isCleared])).toEqual([[null, true], [null, true]]);
});

test("the same value written differently is still a change to what is set by hand", () => {
  const [change] = changesOf(workload(), typed({ fields: { memory_request: "0.5Gi" } }));
  expect(change).toMatchObject({ key: "containers.cart.memory_request", before: "500Mi", after: "512Mi", isCleared: false });
});

test("my changes go on top of theirs, and theirs elsewhere stay", () => {
  const base = workload();
  const theirs = workload({ version: 4, replicas: 10, manual_replicas: 10, containers: [container({ memory_request_bytes: 900 * MIB, manual_memory_request_bytes: 900 * MIB })] });
  const mine = rebased(base, typed({ replicas: "8" }, base), theirs);
  expect(editOf(theirs, mine)).toEqual({ version: 4, note: "", replicas: 8 });
  expect(mine.containers["cart"]?.memory_request).toBe("900Mi");
});
