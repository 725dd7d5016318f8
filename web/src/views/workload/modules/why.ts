/** Why each control value is what it is, from the numbers themselves, in sentences that a locale can say. Pure. */
import { canonical } from "@/format/quantities";
import type { ContainerValues, History, Resource, UsageDay, WorkloadDetail } from "@/types";

export interface Sentence {
  /** Key below `why`. */
  key: string;
  values: Record<string, string | number>;
}

export interface Explained {
  resource: Resource | "replicas";
  container: string;
  value: string | null;
  isManual: boolean;
  sentences: Sentence[];
}

export function explain(workload: WorkloadDetail, history: History): Explained[] {
  const containers = workload.containers.flatMap((container) => [
    explainRequest(workload, container, history, "cpu"),
    explainRequest(workload, container, history, "memory"),
  ]);
  return [explainReplicas(workload), ...containers];
}

function explainReplicas(workload: WorkloadDetail): Explained {
  const { collected_replicas: collected, manual_replicas: manual, peak_day: day } = workload;
  const sentences: Sentence[] = [];
  if (manual !== null) sentences.push({ key: "manual", values: { value: manual, who: workload.manual.edited_by || "?" } });
  if (collected !== null && day) sentences.push({ key: "replicas", values: { count: collected, day, days: workload.days } });
  if (collected === null && manual === null) sentences.push({ key: "nothing", values: {} });
  if (workload.hpa) sentences.push({ key: "hpa", values: {} });
  return { resource: "replicas", container: "", value: workload.replicas === null ? null : String(workload.replicas), isManual: manual !== null, sentences };
}

function numbersOf(container: ContainerValues, resource: Resource) {
  return resource === "cpu"
    ? { control: container.cpu_request_millicores, collected: container.collected_cpu_request_millicores, manual: container.manual_cpu_request_millicores, limit: container.collected_cpu_limit_millicores, used: container.cpu_usage_millicores }
    : { control: container.memory_request_bytes, collected: container.collected_memory_request_bytes, manual: container.manual_memory_request_bytes, limit: container.collected_memory_limit_bytes, used: container.memory_usage_bytes };
}

/** The day that the container's number comes from: the workload's peak day, unless it did not run then. */
function dayOf(container: string, resource: Resource, used: number, history: History): { day: string | null; isOwn: boolean } {
  const peak = resource === "cpu" ? history.peak_day : history.memory_peak_day;
  const usedOf = (row: UsageDay) => (resource === "cpu" ? row.cpu_p95_millicores : row.memory_p95_bytes);
  const own = history.days.filter((row) => row.container === container);
  if (own.length === 0 || own.some((row) => row.day === peak)) return { day: peak, isOwn: false };
  return { day: own.findLast((row) => usedOf(row) === used)?.day ?? peak, isOwn: true };
}

function explainRequest(workload: WorkloadDetail, container: ContainerValues, history: History, resource: Resource): Explained {
  const { control, collected, manual, limit, used } = numbersOf(container, resource);
  const write = (amount: number) => canonical(resource, amount);
  const sentences: Sentence[] = [];
  if (manual !== null) sentences.push({ key: "manual", values: { value: write(manual), who: workload.manual.edited_by || "?" } });
  if (collected !== null) {
    const { day, isOwn } = dayOf(container.container, resource, used, history);
    sentences.push({ key: isOwn ? "usedOwnDay" : "used", values: { day: day ?? "?", days: workload.days, used: resource === "cpu" ? write(used) : mebibytes(used) } });
    sentences.push(...clamps(resource, used, collected, limit));
  } else if (manual === null) {
    sentences.push({ key: "nothing", values: {} });
  }
  return { resource, container: container.container, value: control === null ? null : write(control), isManual: manual !== null, sentences };
}

const MIB = 2 ** 20;

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)}Mi`;
}

/** What was done to the figure on its way to a request: cut to the limit, raised to the floor, rounded to whole Mi. */
function clamps(resource: Resource, used: number, collected: number, limit: number | null): Sentence[] {
  const value = canonical(resource, collected);
  if (collected < used && limit !== null) return [{ key: "cut", values: { value, limit: canonical(resource, limit) } }];
  const whole = resource === "cpu" ? used : Math.ceil(used / MIB) * MIB;
  if (collected > whole) return [{ key: "floor", values: { value } }];
  return resource === "memory" && collected !== used ? [{ key: "whole", values: { value } }] : [];
}
