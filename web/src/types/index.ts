/** The API's words, as its OpenAPI document has them. */
import type { components } from "@/api/schema";

type Schemas = components["schemas"];

export type Session = Schemas["SessionAnswer"];
export type Workload = Schemas["WorkloadAnswer"];
export type WorkloadDetail = Schemas["WorkloadDetail"];
export type Live = Workload["live"];
export type WorkloadPage = Schemas["WorkloadPage"];
export type Condition = Schemas["ConditionAnswer"];
export type ConditionType = Condition["type"];
export type Withheld = Condition["withholds"][number];
export type Acceptance = Schemas["AcceptanceAnswer"];
export type AcceptanceBody = Schemas["AcceptanceBody"];
/** What a person may accept. */
export type AcceptableType = NonNullable<AcceptanceBody["conditions"]>[number];
export type AcceptanceResult = Schemas["AcceptanceResult"];
export type NewWorkload = Schemas["NewWorkload"];
export type WorkloadEdit = Schemas["WorkloadEdit"];
export type ValueWarning = Schemas["ValueWarning"];
export type BulkEdit = Schemas["BulkEdit"];
export type BulkResult = Schemas["BulkResult"];
export type ContainerValues = Schemas["ContainerAnswer"];
export type ContainerDetail = Schemas["ContainerDetail"];
export type ContainerEdit = Schemas["ContainerEdit"];
export type Manual = Schemas["ManualAnswer"];
export type UsageDay = Schemas["UsageDayAnswer"];
export type History = Schemas["HistoryAnswer"];
export type Mark = Schemas["MarkAnswer"];
export type Overview = Schemas["OverviewAnswer"];
export type Savings = Overview["savings"];
export type Money = NonNullable<Overview["money"]>;
export type NamespaceSavings = Savings["namespaces"][number];
export type SavedDay = Savings["days"][number];
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
export type Imported = Schemas["ImportAnswer"];
export type SheetChange = Schemas["SheetChangeAnswer"];
export type SheetProblem = Schemas["SheetProblem"];
export type ExportFormat = Schemas["ExportFormat"];
export type Channel = Schemas["ChannelAnswer"];
export type ChannelBody = Schemas["ChannelBody"];
export type ChannelChange = Schemas["ChannelChange"];
export type ChannelEvent = Channel["events"][number];
export type Message = Schemas["MessageAnswer"];
export type Check = Schemas["CheckAnswer"];
export type Cluster = Schemas["ClusterAnswer"];
export type Checkup = Schemas["CheckupAnswer"];
export type User = Schemas["UserEntryAnswer"];
export type Token = Schemas["TokenAnswer"];
export type TokenMade = Schemas["TokenMade"];
export type Mode = Workload["mode"];
export type Action = Schemas["ActionAnswer"];
export type ActionDetail = Schemas["ActionDetail"];
export type ActionItem = Schemas["ItemAnswer"];
export type ActionBody = Schemas["ActionBody"];
export type ActionTarget = Schemas["ActionTarget"];
export type ActionKind = Action["kind"];
export type ActionState = Action["state"];
export type ItemState = ActionItem["state"];
export type Planned = Schemas["PlannedAnswer"];
export type Schedule = Schemas["ScheduleAnswer"];
export type ScheduleBody = Schemas["ScheduleBody"];
export type ScheduleRun = Schemas["RunAnswer"];
/** What somebody may do, from the least to the most. */
export type Role = "viewer" | "operator" | "admin";

/** CPU in millicores or memory in bytes. */
export type Resource = "cpu" | "memory";
/** A Kubernetes object as JSON. */
export type Manifest = Record<string, unknown>;
