/** A workload that is about to be put into the control table: the draft, what is wrong with it, what is sent. Pure. */
import { canonical, readQuantity } from "@/format/quantities";
import { amountOf, FIELDS, keyOf, MOST_REPLICAS, resourceOf, type Faults, type Field } from "@/components/editor/editing";
import type { ContainerEdit, Mode, NewWorkload, Workload } from "@/types";

export interface NewContainer {
  /** For lists only: a name changes while one types. */
  id: number;
  name: string;
  /** The template's container that it was filled from; empty: none. */
  from: string;
  fields: Record<Field, string>;
}

/** Texts as typed; an empty one means that nothing is set by hand. */
export interface NewDraft {
  namespace: string;
  deployment: string;
  mode: Mode;
  replicas: string;
  containers: NewContainer[];
  note: string;
}

export interface Template {
  cluster: string;
  workload: Workload;
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const MOST_LABEL = 63;
const MOST_NAME = 253;
const REQUESTS_AND_LIMITS = [["cpu_request", "cpu_limit"], ["memory_request", "memory_limit"]] as const;
let lastId = 0;

const isLabel = (name: string) => name.length <= MOST_LABEL && LABEL.test(name);
/** The name of a Deployment: labels between dots. */
const isName = (name: string) => name.length <= MOST_NAME && name.split(".").every((part) => LABEL.test(part));
const none = () => Object.fromEntries(FIELDS.map((field) => [field, ""])) as Record<Field, string>;
export const textKey = (container: NewContainer, field: Field) => keyOf(String(container.id), field);

export const newContainer = (name = ""): NewContainer => ({ id: ++lastId, name, from: "", fields: none() });
export const emptyDraft = (): NewDraft => ({ namespace: "", deployment: "", mode: "enforce", replicas: "", containers: [newContainer()], note: "" });

/** The draft with the template's control values, but for sidecars that are injected into its pods. A container that is called as its Deployment gets the new one's name. */
export function filled(draft: NewDraft, { workload }: Template): NewDraft {
  const own = workload.containers.filter((container) => container.in_deployment !== false);
  const containers = own.map((container): NewContainer => {
    const name = container.container === workload.deployment && draft.deployment.trim() ? draft.deployment.trim() : container.container;
    const text = (field: Field) => {
      const amount = amountOf(container, field);
      return amount === null ? "" : canonical(resourceOf(field), amount);
    };
    const fields = Object.fromEntries(FIELDS.map((field) => [field, text(field)])) as Record<Field, string>;
    return { ...newContainer(name), from: container.container, fields };
  });
  const replicas = workload.replicas === null || workload.hpa ? "" : String(workload.replicas);
  return { ...draft, replicas, containers: containers.length ? containers : [newContainer()] };
}

/** Nothing is named where nothing is set: such a line is not sent. */
const isUsed = (container: NewContainer) => FIELDS.some((field) => container.fields[field].trim());

/** By the field's name as the API has it, with a container's id for its name; of the name itself by `containers.<id>`. */
export function faultsOf(draft: NewDraft): Faults {
  const faults: Faults = {};
  const [namespace, deployment, replicas] = [draft.namespace.trim(), draft.deployment.trim(), draft.replicas.trim()];
  if (namespace && !isLabel(namespace)) faults["namespace"] = "not_a_name";
  if (deployment && !isName(deployment)) faults["deployment"] = "not_a_name";
  if (replicas && !/^\d+$/.test(replicas)) faults["replicas"] = "not_whole";
  else if (Number(replicas) > MOST_REPLICAS) faults["replicas"] = "too_many";
  const names = draft.containers.filter(isUsed).map((one) => one.name.trim());
  for (const container of draft.containers) {
    const name = container.name.trim();
    if ((name || isUsed(container)) && !isLabel(name)) faults[`containers.${container.id}`] = "not_a_name";
    else if (isUsed(container) && names.filter((one) => one === name).length > 1) faults[`containers.${container.id}`] = "twice";
    Object.assign(faults, faultsOfValues(container));
  }
  return faults;
}

function faultsOfValues(container: NewContainer): Faults {
  const faults: Faults = {};
  const read = Object.fromEntries(FIELDS.map((field) => [field, container.fields[field].trim() ? readQuantity(resourceOf(field), container.fields[field]) : null]));
  for (const field of FIELDS) if (typeof read[field] === "string") faults[textKey(container, field)] = read[field];
  for (const [request, limit] of REQUESTS_AND_LIMITS) {
    const [asked, most] = [read[request], read[limit]];
    if (typeof asked === "number" && typeof most === "number" && asked > most) faults[textKey(container, request)] = "above_limit";
  }
  return faults;
}

export const isReady = (draft: NewDraft) => draft.namespace.trim() !== "" && draft.deployment.trim() !== "" && Object.keys(faultsOf(draft)).length === 0;

/** What is sent says every value: the template is named for the record, and nothing else of it is taken over. */
export function bodyOf(draft: NewDraft, template?: Template): NewWorkload {
  const used = draft.containers.filter(isUsed);
  const edits = (fields?: NewContainer["fields"]): ContainerEdit => Object.fromEntries(FIELDS.map((field) => [field, fields?.[field].trim() || null]));
  const left = template?.workload.containers.filter((one) => !used.some(({ name }) => name.trim() === one.container)) ?? [];
  const containers = { ...Object.fromEntries(left.map((one) => [one.container, edits()])), ...Object.fromEntries(used.map((one) => [one.name.trim(), edits(one.fields)])) };
  const body: NewWorkload = {
    namespace: draft.namespace.trim(), deployment: draft.deployment.trim(), mode: draft.mode, replicas: draft.replicas.trim() ? Number(draft.replicas) : null,
    containers, note: draft.note.trim(),
  };
  return template ? { ...body, template: { cluster: template.cluster, namespace: template.workload.namespace, deployment: template.workload.deployment } } : body;
}
