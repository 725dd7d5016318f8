import { describe, expect, test } from "vitest";
import { findingsOf } from "@/views/workload/modules/findings";
import { explain } from "@/views/workload/modules/why";
import { container, history, MIB, usageDay, workload } from "./samples";

const keysOf = (given = workload(), from = history(), index = 1) => explain(given, from)[index]?.sentences.map((sentence) => sentence.key);

describe("explain", () => {
  test("a plain request comes from the peak day", () => expect(keysOf()).toEqual(["used"]));

  test("memory says that it was rounded", () => {
    const rounded = workload({ containers: [container({ memory_usage_bytes: 499.5 * MIB })] });
    expect(keysOf(rounded, history(), 2)).toEqual(["used", "whole"]);
  });

  test("a figure above the limit says that it was cut", () => {
    const cut = workload({ containers: [container({ cpu_usage_millicores: 2300, collected_cpu_request_millicores: 2000 })] });
    expect(keysOf(cut)).toEqual(["used", "cut"]);
  });

  test("a tiny figure says that it was raised to the floor", () => {
    const tiny = workload({ containers: [container({ cpu_usage_millicores: 2, collected_cpu_request_millicores: 10 })] });
    expect(keysOf(tiny)).toEqual(["used", "floor"]);
  });

  test("a container that did not run on the peak day names its own", () => {
    const from = history({ days: [usageDay({ day: "2026-11-18" })] });
    expect(keysOf(workload(), from)).toEqual(["usedOwnDay"]);
    expect(explain(workload(), from)[1]?.sentences[0]?.values["day"]).toBe("2026-11-18");
  });

  test("what a person set comes first, with who", () => {
    const manual = { ...workload().manual, edited_by: "ann" };
    const set = workload({ manual, containers: [container({ cpu_request_millicores: 800, manual_cpu_request_millicores: 800 })] });
    const request = explain(set, history())[1];
    expect(request).toMatchObject({ value: "800m", isManual: true });
    expect(request?.sentences[0]).toEqual({ key: "manual", values: { value: "800m", who: "ann" } });
  });

  test("replicas of a workload with an HPA say so", () => expect(keysOf(workload({ hpa: true }), history(), 0)).toEqual(["replicas", "hpa"]));
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
});
