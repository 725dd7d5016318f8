/** The control values of a container as a `resources:` block, as manifests have it. Pure. */
import { amountColumn, amountOf, resourceOf, type Field } from "@/components/editor/editing";
import { withheldBy } from "@/format/conditions";
import { roomOf, settable } from "@/format/quantities";
import type { ContainerValues } from "@/types";

const PARTS: [string, Field[]][] = [
  ["requests", ["cpu_request", "memory_request"]],
  ["limits", ["cpu_limit", "memory_limit"]],
];
/** YAML would read it as a number. */
const BARE = /^[\d.]+$/;

/** A request is rounded up, and must not exceed its limit by that: the API server would refuse the manifest. */
function withinLimit(container: ContainerValues, field: Field, amount: number): number {
  const resource = resourceOf(field);
  const limit = amountOf(container, `${resource}_limit`);
  return limit !== null && roomOf(resource, amount) > roomOf(resource, limit) ? limit : amount;
}

/** Empty where nothing is set; `withheld` names a field that conditions withhold, as a comment. */
export function resourcesBlock(container: ContainerValues, withheld: (field: Field) => string): string {
  const lines = PARTS.flatMap(([part, fields]) => {
    const set = fields.flatMap((field) => {
      const [resource, amount] = [resourceOf(field), amountOf(container, field)];
      if (withheldBy(container, amountColumn(field)).length) return [`    ${withheld(field)}`];
      if (amount === null) return [];
      const quantity = settable(resource, withinLimit(container, field, amount));
      return [`    ${resource}: ${BARE.test(quantity) ? `"${quantity}"` : quantity}`];
    });
    return set.some((line) => !line.trimStart().startsWith("#")) ? [`  ${part}:`, ...set] : set.map((line) => line.slice(2));
  });
  return lines.some((line) => !line.trimStart().startsWith("#")) ? ["resources:", ...lines].join("\n") : "";
}
