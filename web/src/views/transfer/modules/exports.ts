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

/** Of these, a file for each workload is downloaded in one archive. */
export const isArchive = (format: ExportFormat) => format === "kustomize" || format === "helm";

/** How to use what is downloaded: a sentence (a key below `transfer.usage`) and lines to copy, step by step. */
export function usageOf(format: ExportFormat, namespace: string, deployment: string): { step: string; lines: string }[] {
  const only = [namespace && ` --namespace ${namespace}`, deployment && ` --deployment ${deployment}`].join("");
  const command = (output: string) => ({ step: "command", lines: `kubedoor export --format ${format}${only} --output ${output}` });
  const file = `${namespace || "NAMESPACE"}/${deployment || "DEPLOYMENT"}.yaml`;
  switch (format) {
    case "csv":
      return [{ step: "csv", lines: "kubedoor import kubedoor-values.csv" }, command("kubedoor-values.csv")];
    case "json":
      return [{ step: "json", lines: "jq -r '.[] | [.namespace, .deployment, .container, .cpu_request, .memory_request] | @tsv' kubedoor-values.json" }, command("kubedoor-values.json")];
    case "kustomize":
      return [
        { step: "unpackPatches", lines: "unzip kubedoor-patches.zip -d patches" },
        { step: "components", lines: "components:\n  - patches" },
        { step: "namespaceComponents", lines: `components:\n  - patches/${namespace || "NAMESPACE"}` },
        { step: "dryRun", lines: "kubectl apply -k . --dry-run=server" },
        command("patches"),
      ];
    case "helm":
      return [
        { step: "unpackValues", lines: "unzip kubedoor-helm-values.zip -d values" },
        { step: "upgrade", lines: `helm upgrade RELEASE CHART --reuse-values -f values/${file} --dry-run=server` },
        command("values"),
      ];
  }
}
