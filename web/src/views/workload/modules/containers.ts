/** The containers of a workload by how much of a resource each uses, else asks for: the largest first. Pure. */
import type { ContainerValues, Resource } from "@/types";

function size(one: ContainerValues, resource: Resource): number {
  const [used, asked] = resource === "cpu" ? [one.cpu_usage_millicores, one.cpu_request_millicores] : [one.memory_usage_bytes, one.memory_request_bytes];
  return used || asked || 0;
}

export function largestFirst<One extends ContainerValues>(containers: readonly One[], resource: Resource): One[] {
  return containers.toSorted((one, other) => size(other, resource) - size(one, resource) || one.container.localeCompare(other.container));
}
