/** The formats of an export, and whether one has anything in it. Pure. */
import type { ExportFormat } from "@/types";

export const FORMATS = ["csv", "json", "kustomize", "helm"] as const satisfies readonly ExportFormat[];
/** The same in every language. */
export const FORMAT_NAMES: Record<ExportFormat, string> = { csv: "CSV", json: "JSON", kustomize: "Kustomize", helm: "Helm" };
export const formatOf = (text: string): ExportFormat => FORMATS.find((format) => format === text) ?? "csv";

/** A sheet with a header only, an empty list, or no document. */
export function hasNothing(format: ExportFormat, text: string): boolean {
  if (format === "csv") return text.trim().split("\n").length <= 1;
  return format === "json" ? text.trim() === "[]" : !text.trim();
}
