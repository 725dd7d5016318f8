/** Why each control value is what it is: the reasons that came with it, and what stands between it and the door. Pure. */
import { amountColumn, amountOf, keyOf, type Field } from "@/components/editor/editing";
import { replicasWithheldBy, withheldBy } from "@/format/conditions";
import { canonical } from "@/format/quantities";
import type { Said } from "@/locales/sentences";
import type { ContainerDetail, Resource, WorkloadDetail } from "@/types";

export interface Sentence {
  /** Key below `why`. */
  key: string;
  values: Record<string, string | number>;
  reason?: Said;
}

export interface Explained {
  resource: Resource | "replicas";
  /** Of a container's resource. */
  part: "request" | "limit";
  /** As edits and warnings name it. */
  field: string;
  container: string;
  /** What is collected, where conditions withhold it. */
  value: string | null;
  isManual: boolean;
  withheldBy: string[];
  sentences: Sentence[];
}

export function explain(workload: WorkloadDetail): Explained[] {
  const containers = workload.containers.flatMap((container) =>
    (["cpu", "memory"] as const).flatMap((resource) => [explainPart(workload, container, resource, "request"), ...explainLimit(workload, container, resource)]),
  );
  return [explainReplicas(workload), ...containers];
}

/** What `sizing.reason` is about, as the codes of kubedoor/sizing name it. */
const FIELD = /^sizing\.(replicas|cpu|memory)(?:_(request|limit))?$/;

/** The reasons of a container that are about replicas or one resource; what does not say about what it is stands with CPU. */
function reasonsOf(container: ContainerDetail | undefined, about: Explained["resource"], wanted: Explained["part"] = "request"): Sentence[] {
  return (container?.reasons_said ?? []).flatMap((said): Sentence[] => {
    const { field, value = "", why } = said.parameters;
    const [, subject, part] = FIELD.exec(typeof field === "object" ? field.code : "") ?? [];
    if (!subject || typeof why !== "object") return about === "cpu" && wanted === "request" ? [{ key: "plainReason", values: {}, reason: said }] : [];
    return subject === about && (part ?? "request") === wanted ? [{ key: "reason", values: { value: String(value) }, reason: why }] : [];
  });
}

function explainReplicas(workload: WorkloadDetail): Explained {
  const { collected_replicas: collected, manual_replicas: manual, peak_day: day, days } = workload;
  const by = replicasWithheldBy(workload);
  const sentences: Sentence[] = [];
  if (manual !== null) sentences.push({ key: "manual", values: { value: manual, who: workload.manual.edited_by || "?" } });
  if (collected !== null) sentences.push(...reasonsOf(workload.containers[0], "replicas"));
  if (collected !== null && day) sentences.push({ key: "heaviest", values: { day, days } });
  if (collected === null && manual === null) sentences.push({ key: "nothing", values: {} });
  if (by.length) sentences.push({ key: "withheld", values: {} });
  if (workload.hpa) sentences.push({ key: "hpa", values: {} });
  const value = by.length ? collected : workload.replicas;
  return { resource: "replicas", part: "request", field: "replicas", container: "", value: value === null ? null : String(value), isManual: manual !== null, withheldBy: by, sentences };
}

function numbersOf(container: ContainerDetail, field: Field) {
  const of = (prefix: "" | "collected_" | "manual_") => amountOf(container, field, prefix);
  return { control: of(""), collected: of("collected_"), manual: of("manual_"), by: withheldBy(container, amountColumn(field)) };
}

function explainPart(workload: WorkloadDetail, container: ContainerDetail, resource: Resource, part: Explained["part"]): Explained {
  const field = `${resource}_${part}` as const;
  const { control, collected, manual, by } = numbersOf(container, field);
  const write = (amount: number) => canonical(resource, amount);
  const sentences: Sentence[] = [];
  if (manual !== null) sentences.push({ key: "manual", values: { value: write(manual), who: workload.manual.edited_by || "?" } });
  const reasons = reasonsOf(container, resource, part);
  if (collected !== null || part === "limit") sentences.push(...reasons);
  // A limit is its owner's, unless something has moved it.
  if (collected !== null && part === "limit" && !reasons.length) sentences.push({ key: "limitFound", values: { value: write(collected) } });
  if (collected === null && !sentences.length) sentences.push({ key: "nothing", values: {} });
  if (by.length) sentences.push({ key: "withheld", values: {} });
  const value = by.length ? collected : control;
  return { resource, part, field: keyOf(container.container, field), container: container.container, value: value === null ? null : write(value), isManual: manual !== null, withheldBy: by, sentences };
}

/** Where there is one, or a reason why there is none. */
function explainLimit(workload: WorkloadDetail, container: ContainerDetail, resource: Resource): Explained[] {
  const found = explainPart(workload, container, resource, "limit");
  return found.value === null && !found.sentences.some((one) => one.reason) ? [] : [found];
}
