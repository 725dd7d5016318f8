/** The API's words, as its OpenAPI document has them. */
import type { components } from "@/api/schema";

type Schemas = components["schemas"];

export type Session = Schemas["SessionAnswer"];
export type Workload = Schemas["WorkloadAnswer"];
export type WorkloadDetail = Schemas["WorkloadDetail"];
export type WorkloadPage = Schemas["WorkloadPage"];
export type WorkloadEdit = Schemas["WorkloadEdit"];
export type BulkEdit = Schemas["BulkEdit"];
export type BulkResult = Schemas["BulkResult"];
export type ContainerValues = Schemas["ContainerAnswer"];
export type ContainerEdit = Schemas["ContainerEdit"];
export type Manual = Schemas["ManualAnswer"];
export type UsageDay = Schemas["UsageDayAnswer"];
export type History = Schemas["HistoryAnswer"];
export type Overview = Schemas["OverviewAnswer"];
export type DaySums = Schemas["DaySums"];
export type NamespaceSums = Schemas["NamespaceSums"];
export type Collection = Schemas["CollectionAnswer"];
export type CollectionDetail = Schemas["CollectionDetail"];
export type CollectionStep = Schemas["CollectionStep"];
export type StoredDay = Schemas["StoredDayAnswer"];
export type Days = Schemas["DaysAnswer"];
export type Control = Schemas["ControlAnswer"];
export type Preview = Schemas["PreviewAnswer"];
export type Change = Schemas["Change"];
export type Admission = Schemas["AdmissionAnswer"];
export type Audit = Schemas["AuditAnswer"];
export type Check = Schemas["CheckAnswer"];
export type Checkup = Schemas["CheckupAnswer"];
export type Mode = Workload["mode"];

/** CPU in millicores or memory in bytes. */
export type Resource = "cpu" | "memory";
/** A Kubernetes object as JSON. */
export type Manifest = Record<string, unknown>;
