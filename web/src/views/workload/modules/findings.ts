/** What is worth knowing of one workload, worst first. Pure. */
import { withheldBy } from "@/format/conditions";
import { isDue } from "@/format/live";
import type { History, WorkloadDetail } from "@/types";

export interface Finding {
  /** Key below `finding`; each has a `title` and an `advice`. */
  key: string;
  tone: "under" | "over" | "info";
  values: Record<string, string | number>;
  /** Its advice, where that depends on what is in the cluster now; else the one of the key. */
  advice?: string;
}

const REQUESTS = ["cpu_request_millicores", "memory_request_bytes"] as const;
const FEW_DAYS = 3;
const UNEVEN = 1.5;
const PERCENT = 100;
/** Conditions that say the same, and what follows from it. */
const SAID_BY: Record<string, string[]> = { oom: ["OOMKilled"], uneven: ["Imbalanced"], few: ["ShortHistory"], thin: ["LowCoverage", "PodsNotSeen"], hpa: ["HorizontalPodAutoscaler"] };

export function findingsOf(workload: WorkloadDetail, history: History): Finding[] {
  const newest = history.days.filter((row) => row.day === workload.newest_day);
  const found: Finding[] = [];
  const conditions = new Set<string>(workload.conditions.map((one) => one.type));
  const add = (tone: Finding["tone"], key: string, values: Finding["values"] = {}, advice?: string) => {
    if (!(SAID_BY[key] ?? []).some((type) => conditions.has(type))) found.push({ key, tone, values, advice });
  };
  const kills = history.days.reduce((sum, row) => sum + row.oom_kills, 0);
  const throttled = Math.max(0, ...newest.map((row) => row.throttled_share ?? 0));
  const uneven = newest.find((row) => row.cpu_p95_hottest_millicores > UNEVEN * Math.max(10, row.cpu_p95_millicores));
  if (kills) add("under", "oom", { count: kills });
  if (throttled >= 0.01) add("under", "throttled", { share: `${Math.round(throttled * PERCENT)}%` });
  // What was collected is of that day; what comes of it, of what is in the cluster now.
  const day = workload.newest_day ?? "–";
  const advice = (key: string) => `live.${key}.${standing}`;
  // What would put it right may be withheld.
  const isWithheld = workload.containers.some((one) => REQUESTS.some((column) => withheldBy(one, column).length > 0));
  const standing = isWithheld && isDue(workload.live) ? "withheld" : workload.live.state;
  if (workload.is_under_asked) add("under", "under", { day }, advice("under"));
  if (workload.unasked) add("over", "unasked", { count: workload.unasked, day }, advice("unasked"));
  if (workload.is_over_asked) add("over", "over", { day }, advice("over"));
  if (uneven) add("over", "uneven", { container: uneven.container });
  if (!workload.is_collected) add("info", "notCollected");
  else if (workload.newest_day === null) add("over", "gone");
  if (workload.days > 0 && workload.days < FEW_DAYS) add("over", "few", { days: workload.days });
  const thin = newest.find((row) => row.coverage < history.min_coverage);
  if (thin) add("over", "thin", { share: `${Math.round(thin.coverage * PERCENT)}%` });
  if (workload.hpa) add("info", "hpa");
  if (workload.opted_out) add("info", "optedOut");
  if (workload.owned) add("info", "owned");
  if (workload.mode !== "enforce") add("info", workload.mode);
  return found;
}
