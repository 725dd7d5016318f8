/** What is worth knowing of one workload, worst first. Pure. */
import type { History, WorkloadDetail } from "@/types";

export interface Finding {
  /** Key below `finding`; each has a `title` and an `advice`. */
  key: string;
  tone: "under" | "over" | "info";
  values: Record<string, string | number>;
}

const THIN_COVERAGE = 0.5;
const FEW_DAYS = 3;
const UNEVEN = 1.5;
const PERCENT = 100;

export function findingsOf(workload: WorkloadDetail, history: History): Finding[] {
  const newest = history.days.filter((row) => row.day === workload.newest_day);
  const found: Finding[] = [];
  const add = (tone: Finding["tone"], key: string, values: Finding["values"] = {}) => found.push({ key, tone, values });
  const kills = history.days.reduce((sum, row) => sum + row.oom_kills, 0);
  const throttled = Math.max(0, ...newest.map((row) => row.throttled_share ?? 0));
  const uneven = newest.find((row) => row.cpu_p95_hottest_millicores > UNEVEN * Math.max(10, row.cpu_p95_millicores));
  if (kills) add("under", "oom", { count: kills });
  if (throttled >= 0.01) add("under", "throttled", { share: `${Math.round(throttled * PERCENT)}%` });
  if (workload.is_under_asked) add("under", "under");
  if (workload.unasked) add("over", "unasked", { count: workload.unasked });
  if (workload.is_over_asked) add("over", "over");
  if (uneven) add("over", "uneven", { container: uneven.container });
  if (workload.newest_day === null) add("over", "gone");
  if (workload.days > 0 && workload.days < FEW_DAYS) add("over", "few", { days: workload.days });
  const thin = newest.find((row) => row.coverage < THIN_COVERAGE);
  if (thin) add("over", "thin", { share: `${Math.round(thin.coverage * PERCENT)}%` });
  if (workload.hpa) add("info", "hpa");
  if (workload.opted_out) add("info", "optedOut");
  if (workload.owned) add("info", "owned");
  if (workload.mode !== "enforce") add("info", workload.mode);
  return found;
}
