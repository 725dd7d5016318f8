/** What is worth knowing of one workload, worst first. Pure. */
import { withheldBy } from "@/format/conditions";
import type { History, WorkloadDetail } from "@/types";

export interface Finding {
  /** Key below `finding`; each has a `title` and an `advice`. */
  key: string;
  tone: "under" | "over" | "info";
  values: Record<string, string | number>;
}

const REQUESTS = ["cpu_request_millicores", "memory_request_bytes"] as const;
const THIN_COVERAGE = 0.5;
const FEW_DAYS = 3;
const UNEVEN = 1.5;
const PERCENT = 100;
/** Conditions that say the same, and what follows from it. */
const SAID_BY: Record<string, string[]> = { oom: ["OOMKilled"], uneven: ["Imbalanced"], few: ["ShortHistory"], thin: ["LowCoverage", "PodsNotSeen"], hpa: ["HorizontalPodAutoscaler"] };

export function findingsOf(workload: WorkloadDetail, history: History): Finding[] {
  const newest = history.days.filter((row) => row.day === workload.newest_day);
  const found: Finding[] = [];
  const conditions = new Set<string>(workload.conditions.map((one) => one.type));
  const add = (tone: Finding["tone"], key: string, values: Finding["values"] = {}) => {
    if (!(SAID_BY[key] ?? []).some((type) => conditions.has(type))) found.push({ key, tone, values });
  };
  const kills = history.days.reduce((sum, row) => sum + row.oom_kills, 0);
  const throttled = Math.max(0, ...newest.map((row) => row.throttled_share ?? 0));
  const uneven = newest.find((row) => row.cpu_p95_hottest_millicores > UNEVEN * Math.max(10, row.cpu_p95_millicores));
  if (kills) add("under", "oom", { count: kills });
  if (throttled >= 0.01) add("under", "throttled", { share: `${Math.round(throttled * PERCENT)}%` });
  // What would put it right may be withheld.
  const isWithheld = workload.containers.some((one) => REQUESTS.some((column) => withheldBy(one, column).length > 0));
  if (workload.is_under_asked) add("under", isWithheld ? "underWithheld" : "under");
  if (workload.unasked) add("over", "unasked", { count: workload.unasked });
  if (workload.is_over_asked) add("over", isWithheld ? "overWithheld" : "over");
  if (uneven) add("over", "uneven", { container: uneven.container });
  if (!workload.is_collected) add("info", "notCollected");
  else if (workload.newest_day === null) add("over", "gone");
  if (workload.days > 0 && workload.days < FEW_DAYS) add("over", "few", { days: workload.days });
  const thin = newest.find((row) => row.coverage < THIN_COVERAGE);
  if (thin) add("over", "thin", { share: `${Math.round(thin.coverage * PERCENT)}%` });
  if (workload.hpa) add("info", "hpa");
  if (workload.opted_out) add("info", "optedOut");
  if (workload.owned) add("info", "owned");
  if (workload.mode !== "enforce") add("info", workload.mode);
  return found;
}
