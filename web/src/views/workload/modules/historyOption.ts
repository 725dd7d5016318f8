/** The history chart: used, requested and limited above, pods below, on one axis of days. */
import type { ChartOption } from "@/components/charts/BaseChart.vue";
import type { useChartTheme } from "@/components/charts/useChartTheme";
import { axisOf } from "@/format/axis";
import { addDays, daysBetween } from "@/format/times";
import type { Resource, UsageDay } from "@/types";

interface Wanted {
  rows: UsageDay[];
  resource: Resource;
  control: number | null;
  peakDay: string | null;
  theme: ReturnType<typeof useChartTheme>["value"];
  write: (amount: number) => string;
  say: (key: string) => string;
}

/** A limit beyond this many times everything else is not shown until somebody clicks it in the legend. */
const FAR = 3;

/** Every day of the stretch, so that a day without data is a gap and not a straight line. */
export function allDays(rows: UsageDay[]): string[] {
  const [first, last] = [rows[0]?.day, rows.at(-1)?.day];
  if (!first || !last) return [];
  return Array.from({ length: daysBetween(first, last) + 1 }, (_, index) => addDays(first, index));
}

export function historyOption({ rows, resource, control, peakDay, theme, write, say }: Wanted): ChartOption {
  const { colours, axis, text, tooltip } = theme;
  const days = allDays(rows);
  const byDay = new Map(rows.map((row) => [row.day, row]));
  const pick = (amount: (row: UsageDay) => number | null) => days.map((day) => (byDay.has(day) ? amount(byDay.get(day) as UsageDay) : null));
  const isCpu = resource === "cpu";
  const p95 = (row: UsageDay) => (isCpu ? row.cpu_p95_millicores : row.memory_p95_bytes);
  const used = pick((row) => (row.is_taken_over ? null : p95(row)));
  const original = pick((row) => (row.is_taken_over ? p95(row) : null));
  const kills = pick((row) => row.oom_kills || null);
  const hottest = pick((row) => (row.is_taken_over ? null : isCpu ? row.cpu_p95_hottest_millicores : row.memory_p95_hottest_bytes));
  const request = pick((row) => (isCpu ? row.cpu_request_millicores : row.memory_request_bytes));
  const limit = pick((row) => (isCpu ? row.cpu_limit_millicores : row.memory_limit_bytes));
  const greatest = (values: (number | null)[]) => Math.max(0, ...values.map((value) => value ?? 0));
  const isFar = greatest(limit) > FAR * Math.max(greatest(hottest), greatest(request), control ?? 0);
  const line = { type: "line" as const, showSymbol: false, connectNulls: false, emphasis: { disabled: true } };
  const category = { type: "category" as const, data: days, ...axis };
  return {
    animationDuration: 250,
    textStyle: text,
    legend: { top: 0, left: 0, right: 0, itemWidth: 16, itemHeight: 8, textStyle: text, inactiveColor: colours.asked, selected: { [say("series.limit")]: !isFar } },
    grid: [
      { left: 62, right: 22, top: 46, bottom: 116 },
      { left: 62, right: 22, height: 56, bottom: 26 },
    ],
    // Where the legend takes two lines.
    media: [{ query: { maxWidth: 480 }, option: { grid: [{ top: 66 }, {}] } }, { option: { grid: [{ top: 46 }, {}] } }],
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: { ...tooltip, valueFormatter: (value) => (value === null || value === undefined ? "–" : Number(value) < 1000 && !Number.isInteger(value) ? String(value) : write(Number(value))) },
    xAxis: [
      { ...category, gridIndex: 0, boundaryGap: false, axisLabel: { show: false } },
      { ...category, gridIndex: 1, boundaryGap: false, axisLabel: { ...axis.axisLabel, hideOverlap: true, formatter: (day: string) => day.slice(5) } },
    ],
    yAxis: [
      { type: "value", min: 0, gridIndex: 0, ...axisOf(resource, greatest([...hottest, ...original, ...request, ...(isFar ? [] : limit), control])), ...axis, axisLabel: { ...axis.axisLabel, formatter: (value: number) => (value === 0 ? "0" : write(value)) } },
      { type: "value", min: 0, gridIndex: 1, splitNumber: 1, minInterval: 1, name: say("series.pods"), nameLocation: "middle", nameGap: 40, nameTextStyle: { color: colours["ink-3"] }, ...axis },
    ],
    series: [
      {
        ...line, name: say("series.p95"), data: used, showSymbol: true, symbol: "circle", symbolSize: days.length > 45 ? 0 : 4, color: colours.used, lineStyle: { width: 2.2 }, areaStyle: { color: colours.used, opacity: 0.12 }, z: 4,
        markLine: {
          silent: true, symbol: "none",
          data: [
            ...(peakDay && byDay.has(peakDay) ? [{ xAxis: peakDay, label: { formatter: say("workload.peakDay"), color: colours["ink-2"], position: "end" as const }, lineStyle: { color: colours["ink-3"], type: "solid" as const, width: 1 } }] : []),
            ...(control === null ? [] : [{ yAxis: control, label: { formatter: `${say("bar.controlName")} ${write(control)}`, color: colours.hand, position: "insideStartTop" as const }, lineStyle: { color: colours.hand, type: "dashed" as const, width: 1.5 } }]),
          ],
        },
      },
      ...(original.some((amount) => amount !== null)
        ? [{ ...line, name: say("series.original"), data: original, showSymbol: true, symbol: "emptyCircle", symbolSize: 4, color: colours["ink-3"], lineStyle: { width: 1.2, type: "dotted" as const } }]
        : []),
      { ...line, name: say("series.hottest"), data: hottest, color: colours["over-fill"], lineStyle: { width: 1.2, type: "dashed" } },
      { ...line, name: say("series.request"), data: request, step: "middle", color: colours["asked-line"], lineStyle: { width: 2 } },
      { ...line, name: say("series.limit"), data: limit, step: "middle", color: colours["under-fill"], lineStyle: { width: 1.2, type: "dotted" } },
      ...(kills.some(Boolean)
        ? [{ ...line, name: say("series.killed"), data: kills.map((count, index) => (count ? (used[index] ?? null) : null)), showSymbol: true, showAllSymbol: true, symbol: "diamond", symbolSize: 10, color: colours["under-fill"], lineStyle: { width: 0 }, z: 5, tooltip: { valueFormatter: (_: unknown, index: number) => (kills[index] ? `${kills[index]}×` : "–") } }]
        : []),
      { type: "bar", name: say("series.pods"), xAxisIndex: 1, yAxisIndex: 1, data: pick((row) => row.pods), color: colours.asked, barMaxWidth: 14, tooltip: { valueFormatter: (value) => String(value ?? "–") } },
    ],
  };
}
