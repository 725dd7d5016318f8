import { describe, expect, test } from "vitest";
import { dayLabels, daysOf } from "@/components/charts/days";
import { useLegend } from "@/components/charts/useLegend";
import type { ChartColours } from "@/components/charts/useChartTheme";
import type { Mark } from "@/types";
import { usageOf } from "@/views/transfer/modules/exports";
import { largestFirst } from "@/views/workload/modules/containers";
import { historyOption, isLimitFar } from "@/views/workload/modules/historyOption";
import { lineOf, marksByDay } from "@/views/workload/modules/marks";
import { container, history, usageDay } from "./samples";

const theme = { colours: new Proxy({}, { get: () => "#000000" }) as ChartColours, text: {}, axis: { axisLabel: {} }, tooltip: {} } as unknown as Parameters<typeof historyOption>[0]["theme"];
const mark = (given: Partial<Mark> = {}): Mark => ({ at: "2026-11-20T02:00:00Z", day: "2026-11-20", kind: "edit", who: "ann", what: "", ...given });

interface Drawn {
  xAxis: { data: string[]; axisLabel: { formatter: (day: string) => string } }[];
  yAxis: { max: number; data: string[] }[];
  legend: { data: string[]; selected: Record<string, boolean> };
  series: { id?: string; name: string; data: unknown[]; tooltip?: { valueFormatter: (value: unknown, index: number) => string } }[];
}
const drawn = (given: Partial<Parameters<typeof historyOption>[0]> = {}) =>
  historyOption({
    rows: [usageDay()], history: history(), marks: [], resource: "cpu", control: 430, peakDay: null, selected: {},
    theme, write: String, say: (key) => key, ...given,
  }) as unknown as Drawn;

describe("the axis of days", () => {
  test("spans what was asked for, with gaps where there is no usage", () => {
    const year = drawn({ history: history({ first_day: "2025-11-22", last_day: "2026-11-21" }) });
    expect(year.xAxis.map((axis) => axis.data.length)).toEqual([365, 365, 365]);
    expect(year.series.find((one) => one.id === "p95")?.data.filter((value) => value !== null)).toHaveLength(1);
  });

  test("has every day once, and names months when there are many", () => {
    expect(daysOf("2026-02-27", "2026-03-01")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
    expect(dayLabels(30).formatter("2026-11-20")).toBe("11-20");
    const year = dayLabels(365);
    expect([year.formatter("2026-11-01"), year.interval?.(0, "2026-11-01"), year.interval?.(0, "2026-11-02")]).toEqual(["2026-11", true, false]);
  });

  test("a day between two gaps has a dot, as it has no line", () => {
    const rows = ["2026-11-02", "2026-11-10", "2026-11-11"].map((day) => usageDay({ day }));
    expect(drawn({ rows }).series.find((one) => one.id === "p95")?.data.filter((value) => value !== null)).toEqual([{ value: 430, symbol: "circle", symbolSize: 4 }, 430, 430]);
  });
});

describe("the axis of amounts", () => {
  const greatest = (selected: Record<string, boolean>) => drawn({ selected }).yAxis[0]?.max;

  test("fits what the legend shows, and nothing else", () => {
    expect(greatest({})).toBeGreaterThan(2000);
    expect(greatest({ "series.limit": false })).toBeLessThan(2000);
    expect(greatest({ "series.limit": false, "series.request": false })).toBeLessThan(1000);
  });

  test("a limit that is far above all else is hidden to begin with, until somebody clicks it", () => {
    const rows = [usageDay({ cpu_limit_millicores: 64_000 })];
    expect([isLimitFar(rows, "cpu", 430), isLimitFar([usageDay()], "cpu", 430)]).toEqual([true, false]);
    const { selected, choose } = useLegend(() => ({ limit: false }));
    expect(selected.value).toEqual({ limit: false });
    choose("limit", true);
    choose("request", false);
    expect(selected.value).toEqual({ limit: true, request: false });
  });
});

describe("marks", () => {
  const marks = [mark({ kind: "collection", who: "" }), mark({ what: "Sale" }), mark({ kind: "release", who: "ci", day: "2026-11-25" }), mark({ day: "2026-11-03" })];

  test("stand on their day, in the lane of their kind, and not in the legend", () => {
    const { series, legend, xAxis } = drawn({ marks });
    const at = (kind: string) => series.find((one) => one.id === kind)?.data.flatMap((value, index) => (value === null ? [] : [xAxis[1]?.data[index]]));
    expect([at("edit"), at("collection")]).toEqual([["2026-11-03", "2026-11-20"], ["2026-11-20"]]);
    expect(at("release")).toEqual(["2026-11-21"]);
    expect(legend.data).not.toContain("happened.edit");
    const edit = series.find((one) => one.id === "edit");
    expect([edit?.tooltip?.valueFormatter("", 19), edit?.tooltip?.valueFormatter("", 0)]).toEqual(["1× ann: Sale", "–"]);
  });

  test("many of one day are counted, and a long note is cut", () => {
    expect(lineOf(Array.from({ length: 5 }, () => mark({ kind: "release", who: "ci" })))).toBe("5× ci, ci, ci, …");
    expect(lineOf([mark({ what: "x".repeat(200) })])).toHaveLength(63);
    expect(marksByDay([], "edit", ["2026-11-20"]).size).toBe(0);
  });
});

test("the largest container comes first, of each resource by itself", () => {
  const containers = [
    container({ container: "istio-proxy", cpu_usage_millicores: 38, memory_usage_bytes: 3 }),
    container({ container: "app", cpu_usage_millicores: 430, memory_usage_bytes: 2 }),
    container({ container: "new", cpu_usage_millicores: 0, cpu_request_millicores: 100, memory_usage_bytes: 0, memory_request_bytes: null }),
  ];
  expect(largestFirst(containers, "cpu").map((one) => one.container)).toEqual(["app", "new", "istio-proxy"]);
  expect(largestFirst(containers, "memory").map((one) => one.container)).toEqual(["istio-proxy", "app", "new"]);
});

test("what to do with a download names what was chosen", () => {
  expect(usageOf("helm", "shop", "web").map((one) => one.lines)[1]).toContain("-f values/shop/web.yaml");
  expect(usageOf("kustomize", "shop", "").map((one) => one.lines)).toContain("components:\n  - patches/shop");
  expect(usageOf("csv", "", "").at(-1)?.lines).toBe("kubedoor export --format csv --output kubedoor-values.csv");
});
