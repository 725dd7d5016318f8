import { useI18n } from "vue-i18n";
import { useFormat } from "@/composables/useFormat";
import { canonical } from "@/format/quantities";
import type { Difference } from "./differences";
import { keyOf } from "./filters";

const MOST_NAMED = 5;
const INSTANT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$/;
/** Where the value of a field is one of a few words that have a name. */
const WORDS: Record<string, string> = { mode: "mode", role: "role", kind: "record.kind", order: "act.orders", source: "record.source", language: "record.language" };

/** What is on record, in the reader's words. */
export function useWords() {
  const { t, te } = useI18n();
  const { time } = useFormat();
  const known = (key: string, otherwise: string) => (te(key) ? t(key) : otherwise);

  function field(name: string): string {
    const short = name.replace(/_(millicores|bytes)$/, "");
    return known(`field.${short}`, known(`record.field.${short}`, short.replaceAll("_", " ")));
  }

  function name(path: string[]): string {
    const [first = "", container = "", last = ""] = path;
    return first === "containers" && last ? `${container} · ${field(last)}` : field(path.at(-1) ?? first);
  }

  /** What stands where nothing is set: for a workload what was collected holds, and the mode is to enforce. */
  function nothing(path: string[], action: string): string {
    if (!["workload.add", "workload.edit", "workload.remove"].includes(action)) return "–";
    if (path[0] === "mode") return t("mode.enforce");
    return path[0] === "replicas" || path[0] === "containers" ? t("source.collected") : "–";
  }

  function list(values: unknown[]): string {
    const names = values.map((value) => (isTarget(value) ? `${value.namespace}/${value.deployment}` : known(`notify.event.${String(value)}`, known(`condition.name.${String(value)}`, plain(value)))));
    return names.length > MOST_NAMED ? `${names.slice(0, MOST_NAMED).join(", ")} ${t("record.more", { count: names.length - MOST_NAMED })}` : names.join(", ");
  }

  function written(path: string[], value: unknown, action: string): string {
    const last = path.at(-1) ?? "";
    if (value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length)) return nothing(path, action);
    if (typeof value === "number" && last.endsWith("_millicores")) return canonical("cpu", value);
    if (typeof value === "number" && last.endsWith("_bytes")) return canonical("memory", value);
    if (typeof value === "boolean") return t(value ? "record.yes" : "record.no");
    if (Array.isArray(value)) return list(value);
    if (typeof value === "string" && WORDS[last]) return known(`${WORDS[last]}.${value}`, value);
    return typeof value === "string" && INSTANT.test(value) ? time(value, { seconds: true }) : plain(value);
  }

  return {
    action: (action: string) => known(`record.action.${keyOf(action)}`, action),
    via: (via: string) => known(`record.via.${via.replaceAll("-", "_")}`, via),
    difference: ({ path, before, after }: Difference, action: string) => ({ name: name(path), before: written(path, before, action), after: written(path, after, action) }),
  };
}

const plain = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));
const isTarget = (value: unknown): value is { namespace: string; deployment: string } => typeof value === "object" && value !== null && "namespace" in value && "deployment" in value;
