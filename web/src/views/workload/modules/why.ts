/** Why each control value is what it is: the reasons that came with it, and what stands between it and the door. Pure. */
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
  container: string;
  /** What is collected, where conditions withhold it. */
  value: string | null;
  isManual: boolean;
  withheldBy: string[];
  sentences: Sentence[];
}

export function explain(workload: WorkloadDetail): Explained[] {
  const containers = workload.containers.flatMap((container) => [explainRequest(workload, container, "cpu"), explainRequest(workload, container, "memory")]);
  return [explainReplicas(workload), ...containers];
}

/** What `sizing.reason` is about, as the codes of kubedoor/sizing name it. */
const FIELD = /^sizing\.(replicas|cpu|memory)(?:_(request|limit))?$/;

/** The reasons of a container that are about replicas or one resource; what does not say about what it is stands with CPU. */
function reasonsOf(container: ContainerDetail | undefined, about: Explained["resource"]): Sentence[] {
  return (container?.reasons_said ?? []).flatMap((said): Sentence[] => {
    const { field, value = "", why } = said.parameters;
    const [, subject, part] = FIELD.exec(typeof field === "object" ? field.code : "") ?? [];
    if (!subject || typeof why !== "object") return about === "cpu" ? [{ key: "plainReason", values: {}, reason: said }] : [];
    return subject === about ? [{ key: part === "limit" ? "limitReason" : "reason", values: { value: String(value) }, reason: why }] : [];
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
  return { resource: "replicas", container: "", value: value === null ? null : String(value), isManual: manual !== null, withheldBy: by, sentences };
}

function numbersOf(container: ContainerDetail, resource: Resource) {
  return resource === "cpu"
    ? { control: container.cpu_request_millicores, collected: container.collected_cpu_request_millicores, manual: container.manual_cpu_request_millicores, by: withheldBy(container, "cpu_request_millicores") }
    : { control: container.memory_request_bytes, collected: container.collected_memory_request_bytes, manual: container.manual_memory_request_bytes, by: withheldBy(container, "memory_request_bytes") };
}

function explainRequest(workload: WorkloadDetail, container: ContainerDetail, resource: Resource): Explained {
  const { control, collected, manual, by } = numbersOf(container, resource);
  const write = (amount: number) => canonical(resource, amount);
  const sentences: Sentence[] = [];
  if (manual !== null) sentences.push({ key: "manual", values: { value: write(manual), who: workload.manual.edited_by || "?" } });
  if (collected !== null) sentences.push(...reasonsOf(container, resource));
  else if (manual === null) sentences.push({ key: "nothing", values: {} });
  if (by.length) sentences.push({ key: "withheld", values: {} });
  const value = by.length ? collected : control;
  return { resource, container: container.container, value: value === null ? null : write(value), isManual: manual !== null, withheldBy: by, sentences };
}
