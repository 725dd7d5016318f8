import { describe, expect, test } from "vitest";
import { busiestDay, usedOf } from "@/views/overview/modules/days";
import { troublesOf } from "@/views/workloads/modules/troubles";
import type { DaySums } from "@/types";
import { workload } from "./samples";

const day = (name: string, cpu: number, memory: number): DaySums => ({
  day: name, workloads: 1, cpu_requested_millicores: 9000, cpu_used_millicores: cpu, memory_requested_bytes: 9000, memory_used_bytes: memory,
});

describe("what was used", () => {
  const days = [day("2026-11-24", 29_000, 5), day("2026-11-25", 30_000, 4), day("2026-11-26", 28_000, 6)];

  test("is that of a day of the chart, which no figure exceeds", () => {
    expect(busiestDay(days, "cpu")?.day).toBe("2026-11-25");
    expect(busiestDay(days, "memory")?.day).toBe("2026-11-26");
    expect(Math.max(...days.map((one) => usedOf(one, "cpu")))).toBe(30_000);
  });

  test("is of no day where none is collected", () => expect(busiestDay([], "cpu")).toBeUndefined());
});

test("OOM kills come before everything else", () => {
  const troubled = workload({ oom_kills: 3, throttled_share: 0.4, unasked: 1, warnings: [{ kind: "limit_below_used", field: "memory_limit", container: "app", kills: true, message: "", message_said: { code: "", parameters: {}, text: "" } }] as never });
  expect(troublesOf(troubled).map((one) => one.key).slice(0, 3)).toEqual(["oom", "danger", "throttled"]);
});
