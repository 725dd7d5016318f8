/** Manifests for the preview: read what somebody pasted, make one from what was collected, wrap it as a request. */
import type { Manifest, Workload } from "@/types";
import { settable } from "@/format/quantities";

/** What a live workload meets comes first. */
export const REQUESTS = ["restart", "scale", "create"] as const;
export type RequestKind = (typeof REQUESTS)[number];

const isObject = (value: unknown): value is Manifest => typeof value === "object" && value !== null && !Array.isArray(value);

/** A Deployment or an AdmissionReview as YAML or JSON. Raises Error with the parser's words. */
export async function readManifest(text: string): Promise<Manifest> {
  const { parse } = await import("yaml");
  const value: unknown = parse(text, { maxAliasCount: 20 });
  if (!isObject(value)) throw new Error("not an object");
  return value;
}

/** What the API server adds by itself is of no interest to a reader. */
const NOISE = new Set(["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"]);

const without = (object: Manifest, names: Set<string>) => Object.fromEntries(Object.entries(object).filter(([name]) => !names.has(name)));

function withoutNoise(manifest: Manifest): Manifest {
  const rest = without(manifest, new Set(["status"]));
  return isObject(rest["metadata"]) ? { ...rest, metadata: without(rest["metadata"], NOISE) } : rest;
}

export async function writeManifest(manifest: Manifest): Promise<string> {
  const { stringify } = await import("yaml");
  return stringify(withoutNoise(manifest), { lineWidth: 0, aliasDuplicateObjects: false });
}

/** The Deployment as its newest usage day has it: enough for the door, not for a cluster. */
export function manifestOf(workload: Workload): Manifest {
  const labels = { "app.kubernetes.io/name": workload.deployment };
  const containers = workload.containers.map((one) => {
    const write = (resource: "cpu" | "memory", amount: number | null | undefined) => (amount === null || amount === undefined ? {} : { [resource]: settable(resource, amount) });
    const requests = { ...write("cpu", one.newest?.cpu_request_millicores), ...write("memory", one.newest?.memory_request_bytes) };
    const limits = { ...write("cpu", one.newest?.cpu_limit_millicores), ...write("memory", one.newest?.memory_limit_bytes) };
    const resources = { ...(Object.keys(requests).length ? { requests } : {}), ...(Object.keys(limits).length ? { limits } : {}) };
    return { name: one.container, image: "example/image:tag", ...(Object.keys(resources).length ? { resources } : {}) };
  });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: workload.deployment, namespace: workload.namespace, labels },
    spec: { replicas: workload.pods ?? 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}

const RESTARTED_AT = "kubectl.kubernetes.io/restartedAt";

/** The object as the request the door would get; an AdmissionReview is one already. */
export function asRequest(manifest: Manifest, kind: RequestKind): Manifest {
  if (kind === "create" || manifest["kind"] !== "Deployment") return manifest;
  const metadata = isObject(manifest["metadata"]) ? manifest["metadata"] : {};
  const old = structuredClone(manifest);
  const spec = isObject(old["spec"]) ? old["spec"] : {};
  if (kind === "scale") {
    spec["replicas"] = Number(spec["replicas"] ?? 1) + 1;
  } else {
    const template = isObject(spec["template"]) ? spec["template"] : {};
    const meta = isObject(template["metadata"]) ? template["metadata"] : {};
    spec["template"] = { ...template, metadata: { ...meta, annotations: { [RESTARTED_AT]: "before" } } };
  }
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "preview",
      operation: "UPDATE",
      resource: { group: "apps", version: "v1", resource: "deployments" },
      namespace: metadata["namespace"] ?? "default",
      name: metadata["name"],
      userInfo: { username: "preview" },
      dryRun: true,
      object: manifest,
      oldObject: { ...old, spec },
    },
  };
}
