/** The history chart: used, requested and limit above, what happened in a lane below, then pods, on one axis of days. */
import type { ChartOption } from "@/components/charts/BaseChart.vue";
import { dayLabels, daysOf } from "@/components/charts/days";
import type { useChartTheme } from "@/components/charts/useChartTheme";
import { axisOf } from "@/format/axis";
import type { History, Mark, Resource, UsageDay } from "@/types";
import { lineOf, MARK_KINDS, marksByDay } from "./marks";

interface Wanted {
  rows: UsageDay[];
  history: Pick<History, "first_day" | "last_day">;
  marks: Mark[];
  resource: Resource;
  control: number | null;
  peakDay: string | null;
  /** As the legend has it, by name; what is not named is shown. */
  selected: Record<string, boolean>;
  theme: ReturnType<typeof useChartTheme>["value"];
  /** `isSet`: as it was set, and not rounded. */
  write: (amount: number, isSet?: boolean) => string;
  say: (key: string) => string;
}
type Amounts = (number | null)[];

/** A limit beyond this many times everything else is not shown until somebody clicks it in the legend. */
const FAR = 3;
/** More days have no dot each. */
const DOTTED_DAYS = 45;
const LANE_HEIGHT = 48;

const greatest = (...values: Amounts[]) => Math.max(0, ...values.flat().map((value) => value ?? 0));

function amountsOf(rows: UsageDay[], days: string[], resource: Resource) {
  const byDay = new Map(rows.map((row) => [row.day, row]));
  const pick = (amount: (row: UsageDay) => number | null): Amounts => days.map((day) => (byDay.has(day) ? amount(byDay.get(day) as UsageDay) : null));
  const isCpu = resource === "cpu";
  const p95 = (row: UsageDay) => (isCpu ? row.cpu_p95_millicores : row.memory_p95_bytes);
  return {
    used: pick((row) => (row.is_taken_over ? null : p95(row))),
    original: pick((row) => (row.is_taken_over ? p95(row) : null)),
    kills: pick((row) => row.oom_kills || null),
    hottest: pick((row) => (row.is_taken_over ? null : isCpu ? row.cpu_p95_hottest_millicores : row.memory_p95_hottest_bytes)),
    request: pick((row) => (isCpu ? row.cpu_request_millicores : row.memory_request_bytes)),
    limit: pick((row) => (isCpu ? row.cpu_limit_millicores : row.memory_limit_bytes)),
    pods: pick((row) => row.pods),
  };
}

/** Whether the limit would press everything else to the ground. */
export function isLimitFar(rows: UsageDay[], resource: Resource, control: number | null): boolean {
  const { limit, hottest, request } = amountsOf(rows, rows.map((row) => row.day), resource);
  return greatest(limit) > FAR * greatest(hottest, request, [control]);
}

/** A day between two gaps has no line, so it has a dot. */
const dotted = (amounts: Amounts) =>
  amounts.map((value, index) => (value !== null && (amounts[index - 1] ?? null) === null && (amounts[index + 1] ?? null) === null ? { value, symbol: "circle", symbolSize: 4 } : value));

export function historyOption({ rows, history, marks, resource, control, peakDay, selected, theme, write, say }: Wanted): ChartOption {
  const { colours, axis, text, tooltip } = theme;
  const days = daysOf(history.first_day, history.last_day);
  const { used, original, kills, hottest, request, limit, pods } = amountsOf(rows, days, resource);
  const shown = (key: string, amounts: Amounts): Amounts => (selected[say(`series.${key}`)] === false ? [] : amounts);
  const line = { type: "line" as const, showSymbol: false, connectNulls: false, emphasis: { disabled: true } };
  const category = { type: "category" as const, data: days, ...axis };
  const hasOriginal = original.some((amount) => amount !== null);
  const hasKills = kills.some(Boolean);
  const names = ["p95", ...(hasOriginal ? ["original"] : []), "hottest", "request", "limit", ...(hasKills ? ["killed"] : []), "pods"];
  const laneColours = { edit: colours.hand, release: colours.info, collection: colours["ink-3"] };
  const symbols = { edit: "circle", release: "triangle", collection: "rect" };
  const lane = MARK_KINDS.map((kind) => {
    const found = marksByDay(marks, kind, days);
    return {
      ...line, id: kind, name: say(`happened.${kind}`), xAxisIndex: 1, yAxisIndex: 1, color: laneColours[kind], lineStyle: { width: 0 }, showSymbol: true, showAllSymbol: true,
      symbol: symbols[kind], symbolSize: kind === "collection" ? [3, 8] : 9, cursor: "pointer",
      data: days.map((day) => (found.has(day) ? say(`happened.${kind}`) : null)),
      tooltip: { valueFormatter: (_: unknown, index: number) => lineOf(found.get(days[index] ?? "") ?? []).replace(/^0×$/, "–") },
    };
  });
  return {
    animationDuration: 250,
    textStyle: text,
    legend: { top: 0, left: 0, right: 0, itemWidth: 16, itemHeight: 8, textStyle: text, inactiveColor: colours["asked-line"], data: names.map((name) => say(`series.${name}`)), selected },
    grid: [
      { left: 74, right: 22, top: 46, bottom: 116 + LANE_HEIGHT },
      { left: 74, right: 22, height: LANE_HEIGHT, bottom: 98 },
      { left: 74, right: 22, height: 56, bottom: 26 },
    ],
    // Where the legend takes two lines.
    media: [{ query: { maxWidth: 480 }, option: { grid: [{ top: 66 }, {}, {}] } }, { option: { grid: [{ top: 46 }, {}, {}] } }],
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: { ...tooltip, valueFormatter: (value) => (value === null || value === undefined ? "–" : Number(value) < 1000 && !Number.isInteger(value) ? String(value) : write(Number(value))) },
    xAxis: [
      { ...category, gridIndex: 0, boundaryGap: false, axisLabel: { show: false } },
      { ...category, gridIndex: 1, boundaryGap: false, axisLabel: { show: false }, axisLine: { show: false } },
      { ...category, gridIndex: 2, boundaryGap: false, axisLabel: { ...axis.axisLabel, ...dayLabels(days.length) } },
    ],
    yAxis: [
      { type: "value", min: 0, gridIndex: 0, ...axisOf(resource, greatest(shown("p95", [...used, control]), shown("hottest", hottest), shown("original", original), shown("request", request), shown("limit", limit))), ...axis, axisLabel: { ...axis.axisLabel, formatter: (value: number) => (value === 0 ? "0" : write(value)) } },
      { type: "category", gridIndex: 1, inverse: true, data: MARK_KINDS.map((kind) => say(`happened.${kind}`)), ...axis, axisLine: { show: false }, splitLine: { show: false }, axisLabel: { ...axis.axisLabel, fontSize: 11, interval: 0 } },
      { type: "value", min: 0, gridIndex: 2, splitNumber: 1, minInterval: 1, name: say("series.pods"), nameLocation: "middle", nameGap: 40, nameTextStyle: { color: colours["ink-3"] }, ...axis },
    ],
    series: [
      {
        ...line, id: "p95", name: say("series.p95"), data: dotted(used), showSymbol: true, showAllSymbol: true, symbol: days.length > DOTTED_DAYS ? "none" : "circle", symbolSize: 4, color: colours.used, lineStyle: { width: 2.2 }, areaStyle: { color: colours.used, opacity: 0.12 }, z: 4,
        markLine: {
          silent: true, symbol: "none",
          data: [
            ...(peakDay && days.includes(peakDay) ? [{ xAxis: peakDay, label: { formatter: say("workload.peakDay"), color: colours["ink-2"], position: "end" as const }, lineStyle: { color: colours["ink-3"], type: "solid" as const, width: 1 } }] : []),
            ...(control === null ? [] : [{ yAxis: control, label: { formatter: `${say("bar.controlName")} ${write(control, true)}`, color: colours.hand, position: "insideStartTop" as const }, lineStyle: { color: colours.hand, type: "dashed" as const, width: 1.5 } }]),
          ],
        },
      },
      ...(hasOriginal
        ? [{ ...line, name: say("series.original"), data: original, showSymbol: true, symbol: "emptyCircle", symbolSize: 4, color: colours["ink-3"], lineStyle: { width: 1.2, type: "dotted" as const } }]
        : []),
      { ...line, name: say("series.hottest"), data: hottest, color: colours["over-fill"], lineStyle: { width: 1.2, type: "dashed" } },
      { ...line, name: say("series.request"), data: request, step: "middle", color: colours["asked-line"], lineStyle: { width: 2 } },
      { ...line, name: say("series.limit"), data: limit, step: "middle", color: colours["under-fill"], lineStyle: { width: 1.2, type: "dotted" } },
      ...(hasKills
        ? [{ ...line, name: say("series.killed"), data: kills.map((count, index) => (count ? (used[index] ?? null) : null)), showSymbol: true, showAllSymbol: true, symbol: "diamond", symbolSize: 10, color: colours["under-fill"], lineStyle: { width: 0 }, z: 5, tooltip: { valueFormatter: (_: unknown, index: number) => (kills[index] ? `${kills[index]}×` : "–") } }]
        : []),
      ...lane,
      { type: "bar", name: say("series.pods"), xAxisIndex: 2, yAxisIndex: 2, data: pods, color: colours.asked, barMaxWidth: 14, tooltip: { valueFormatter: (value) => String(value ?? "–") } },
    ],
  };
}
