import { describe, expect, test } from "vitest";
import { say, unsaid, type Said } from "@/locales/sentences";
import type { ContainerDetail } from "@/types";
import { findingsOf } from "@/views/workload/modules/findings";
import { explain, type Explained } from "@/views/workload/modules/why";
import { condition, container, history, usageDay, workload } from "./samples";

const reason = (field: string, value: string | number, why: string): Said => ({
  code: "sizing.reason", parameters: { field: { ...unsaid(""), code: `sizing.${field}` }, value, why: unsaid(why) }, text: `${value}: ${why}`,
});
const REASONS = [
  reason("replicas", 6, "pods side by side on 2026-11-20, the peak day"),
  reason("cpu", "430m", "P95 of 2026-11-20 was 430m"),
  reason("memory", "500Mi", "P95 of 2026-11-20 was 499.5Mi, in whole mebibytes"),
  reason("cpu_request", "500m", "moved from 430m by the LimitRange team"),
  reason("cpu_limit", "none", "left alone, since the 4 that the largest node can allocate are less"),
];
const explained = (given: Partial<ContainerDetail> = {}) => explain(workload({ containers: [container({ reasons_said: REASONS, ...given })] }));
const keys = (one?: Explained) => one?.sentences.map((sentence) => sentence.key);

describe("explain", () => {
  test("replicas and each resource have the reasons that are about them, with the value of each step", () => {
    const [replicas, cpu, cpuLimit, memory] = explained();
    expect(replicas?.sentences).toEqual([
      { key: "reason", values: { value: "6" }, reason: unsaid("pods side by side on 2026-11-20, the peak day") },
      { key: "heaviest", values: { day: "2026-11-20", days: 10 } },
    ]);
    expect(cpu?.sentences.map((one) => [one.key, one.values["value"]])).toEqual([["reason", "430m"], ["reason", "500m"]]);
    expect(cpuLimit).toMatchObject({ part: "limit", field: "containers.cart.cpu_limit" });
    expect(cpuLimit?.sentences.map((one) => [one.key, one.values["value"]])).toEqual([["reason", "none"]]);
    expect(say(memory?.sentences[0]?.reason)).toBe("P95 of 2026-11-20 was 499.5Mi, in whole mebibytes");
  });

  test("a limit is its owner's, or the person's who set it", () => {
    const limits = (given: Partial<ContainerDetail>) => explain(workload({ containers: [container({ reasons_said: [], ...given })] })).filter((one) => one.part === "limit");
    expect(limits({ cpu_limit_millicores: 2000, collected_cpu_limit_millicores: 2000, memory_limit_bytes: null, collected_memory_limit_bytes: null })).toMatchObject([
      { field: "containers.cart.cpu_limit", value: "2", isManual: false, sentences: [{ key: "limitFound", values: { value: "2" } }] },
    ]);
    const set = limits({ cpu_limit_millicores: null, collected_cpu_limit_millicores: null, memory_limit_bytes: 2 ** 26, manual_memory_limit_bytes: 2 ** 26, collected_memory_limit_bytes: null });
    expect(set).toMatchObject([{ field: "containers.cart.memory_limit", value: "64Mi", isManual: true }]);
  });

  test("a reason of another version is shown as it came", () => expect(explained({ reasons_said: [unsaid("because")] })[1]?.sentences).toEqual([{ key: "plainReason", values: {}, reason: unsaid("because") }]));

  test("what a person set comes first, with who", () => {
    const manual = { ...workload().manual, edited_by: "ann" };
    const set = workload({ manual, containers: [container({ cpu_request_millicores: 800, manual_cpu_request_millicores: 800, withheld: { cpu_request_millicores: ["ShortHistory"] } })] });
    const request = explain(set)[1];
    expect(request).toMatchObject({ value: "800m", isManual: true, withheldBy: [] });
    expect(request?.sentences).toEqual([{ key: "manual", values: { value: "800m", who: "ann" } }]);
  });

  test("what is withheld shows what was collected, and says so last", () => {
    const request = explained({ cpu_request_millicores: null, withheld: { cpu_request_millicores: ["ShortHistory"] } })[1];
    expect(request).toMatchObject({ value: "430m", withheldBy: ["ShortHistory"] });
    expect(keys(request)?.at(-1)).toBe("withheld");
    const replicas = explain(workload({ replicas: null, withheld_replicas: ["ShortHistory"] }))[0];
    expect(replicas).toMatchObject({ value: "6", withheldBy: ["ShortHistory"] });
  });

  test("replicas of a workload with an HPA say so", () => expect(keys(explain(workload({ hpa: true }))[0])).toEqual(["heaviest", "hpa"]));

  test("where there is nothing, that is said", () => expect(keys(explain(workload({ replicas: null, collected_replicas: null }))[0])).toEqual(["nothing"]));
});

describe("findingsOf", () => {
  const keys = (given = workload(), from = history()) => findingsOf(given, from).map((finding) => finding.key);

  test("kills come before everything else", () => {
    expect(keys(workload({ hpa: true }), history({ days: [usageDay({ oom_kills: 2 })] }))).toEqual(["oom", "over", "hpa"]);
  });

  test("nothing to say of a workload that fits", () => expect(keys(workload({ is_over_asked: false }))).toEqual([]));

  test("one pod that does most of the work is said", () => {
    expect(keys(workload({ is_over_asked: false }), history({ days: [usageDay({ cpu_p95_hottest_millicores: 900 })] }))).toEqual(["uneven"]);
  });

  test("what a condition says is not said again", () => {
    const conditions = [condition({ type: "OOMKilled" }), condition({ type: "ShortHistory" }), condition({ type: "HorizontalPodAutoscaler" })];
    expect(keys(workload({ is_over_asked: false, days: 2, hpa: true, conditions }), history({ days: [usageDay({ oom_kills: 2 })] }))).toEqual([]);
  });
});
