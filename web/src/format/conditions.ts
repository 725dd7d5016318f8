/** Conditions of a workload: grouped, and as keys of sentences with what these say. Pure. */
import type { AcceptableType, Condition, ConditionType, ContainerValues, Withheld, Workload } from "@/types";

/** As in kubedoor/model/conditions.py. */
export const CONDITION_TYPES = [
  "ShortHistory", "LowCoverage", "PartialData", "PodsNotSeen", "ImplausibleUsage", "OOMKilled", "HorizontalPodAutoscaler", "VerticalPodAutoscaler",
  "LimitRange", "ResourceQuota", "NodeTooSmall", "GuaranteedQoS", "Imbalanced", "LargeChange",
] as const satisfies readonly ConditionType[];

/** Everything of one type, since a type is accepted as a whole. */
export interface ConditionGroup {
  type: ConditionType;
  conditions: Condition[];
  withholds: Withheld[];
  isAcceptable: boolean;
  isAccepted: boolean;
  acceptedUntil: string | null;
}

/** What withholds something comes first, what is accepted after it, what is only told last. */
export function groupsOf(conditions: readonly Condition[]): ConditionGroup[] {
  const found = new Map<ConditionType, ConditionGroup>();
  for (const one of conditions) {
    const group = found.get(one.type) ?? { type: one.type, conditions: [], withholds: [], isAcceptable: false, isAccepted: false, acceptedUntil: null };
    group.conditions.push(one);
    group.withholds.push(...one.withholds);
    group.isAcceptable ||= one.is_acceptable;
    group.isAccepted ||= one.is_accepted;
    group.acceptedUntil ??= one.accepted_until;
    found.set(one.type, group);
  }
  return [...found.values()].sort((one, other) => rank(one) - rank(other));
}

const rank = (group: ConditionGroup) => (!group.withholds.length ? 2 : group.isAccepted ? 1 : 0);

/** Whether it withholds something now. */
export const isWithholding = (group: ConditionGroup) => group.withholds.length > 0 && !group.isAccepted;

/** Types that somebody could accept now. */
export function acceptableTypes(conditions: readonly Condition[]): AcceptableType[] {
  return groupsOf(conditions).filter((group) => group.isAcceptable && !group.isAccepted).map((group) => group.type as AcceptableType);
}

/** The fields of each container; the empty container has the replicas. Without repetitions. */
export function fieldsByContainer(withholds: readonly Withheld[]): [string, string[]][] {
  const found = new Map<string, string[]>();
  for (const { container, field } of withholds) {
    const fields = found.get(container) ?? [];
    if (!fields.includes(field)) fields.push(field);
    found.set(container, fields);
  }
  return [...found];
}

/** `cpu_request_millicores` as part of the key of a text: `cpu_request`. */
export const fieldKey = (field: string) => field.replace(/_(millicores|bytes)$/, "");

/** The types that withhold what was collected of a container's field; none where a person has set it, since people win. */
export function withheldBy(container: ContainerValues, column: "cpu_request_millicores" | "memory_request_bytes" | "cpu_limit_millicores" | "memory_limit_bytes"): string[] {
  const isCollected = container[`manual_${column}`] === null && container[`collected_${column}`] !== null;
  return isCollected ? (container.withheld[column] ?? []) : [];
}

/** None, too, where the replicas are an HPA's. */
export const replicasWithheldBy = (workload: Workload) => (workload.manual_replicas === null && !workload.hpa ? workload.withheld_replicas : []);

interface Said {
  type: string;
  reason: string;
  /** Strings and numbers. */
  parameters: Record<string, unknown>;
}

/** The key of a condition's sentence, below `condition.sentence`. */
export function sentenceKey({ type, reason, parameters }: Said): string {
  const key = `${type}.${reason}`;
  if (type === "OOMKilled" && parameters["limit"] === "none") return `${key}NoLimit`;
  if (key === "LimitRange.Impossible" && !parameters["container"]) return `${key}OfPod`;
  if (type === "LargeChange" && !parameters["container"]) return `${key}Replicas`;
  if (type === "ShortHistory" && parameters["container"]) return `${key}OfContainer`;
  return key;
}

/** Of types whose `wanted` is a share, too, and not a number of days. */
const SHARES = new Set(["LowCoverage", "PodsNotSeen"]);

/** What a sentence says; `t` names resources and fields, `percent` writes a share. */
export function sentenceValues(
  { type, parameters }: Pick<Said, "type" | "parameters">,
  t: (key: string) => string,
  percent: (share: number) => string,
): Record<string, string | number> {
  const values = { ...parameters } as Record<string, string | number>;
  const { resource, field } = parameters;
  if (resource) values["request"] = t(`condition.field.${String(resource)}_request`);
  if (field) values["field"] = t(`condition.field.${String(field).replace(" ", "_")}`);
  if (SHARES.has(type)) for (const name of ["share", "wanted"]) values[name] = percent(Number(parameters[name]));
  return values;
}

/** A space between a Chinese character and a Latin letter or a digit, as everywhere. */
export function spaced(text: string): string {
  return text.replace(/(\p{Script=Han})(?=[A-Za-z0-9])/gu, "$1 ").replace(/([A-Za-z0-9%])(?=\p{Script=Han})/gu, "$1 ");
}
