/** Every question the pages ask, by name. */
import type {
  AcceptanceBody,
  ActionBody,
  ActionDetail,
  BulkEdit,
  ChannelBody,
  ChannelChange,
  Manifest,
  Role,
  ScheduleBody,
  NewWorkload,
  WorkloadEdit,
} from "@/types";
import { addressOf, call, readBeginning, readLines, type QueryOf } from "./client";
import type { operations } from "./schema";

export type WorkloadQuery = NonNullable<QueryOf<operations["list_workloads"]>>;
export type AdmissionQuery = NonNullable<QueryOf<operations["list_admissions"]>>;
export type AuditQuery = NonNullable<QueryOf<operations["list_audit"]>>;
export type ValuesQuery = NonNullable<QueryOf<operations["export_values"]>>;
export interface WorkloadPath {
  cluster: string;
  namespace: string;
  deployment: string;
}

export const whoAmI = () => call("get", "/api/v1/session", {});
export const logIn = (username: string, password: string) =>
  call("post", "/api/v1/session", { body: { username, password } });
export const listLoginWays = (signal: AbortSignal) => call("get", "/api/v1/session/ways", { signal });
export const logOut = () => call("delete", "/api/v1/session", {});
export const logOutEverywhere = () => call("post", "/api/v1/session/log-out-everywhere", {});
export const changePassword = (oldPassword: string, newPassword: string) =>
  call("put", "/api/v1/session/password", { body: { old_password: oldPassword, new_password: newPassword } });

export const listClusters = (signal: AbortSignal) => call("get", "/api/v1/clusters", { signal });
export const getOverview = (signal: AbortSignal) => call("get", "/api/v1/overview", { signal });
/** Each day's savings, by namespace. */
export const getSavings = (days: number, signal: AbortSignal) => call("get", "/api/v1/overview/savings", { query: { days }, signal });
export const runCheckup = (signal: AbortSignal) => call("get", "/api/v1/checkup", { signal });

export const listWorkloads = (query: WorkloadQuery, signal?: AbortSignal) =>
  call("get", "/api/v1/workloads", { query, signal });
/** Before it is collected, or before it exists. */
export const addWorkload = (body: NewWorkload) => call("post", "/api/v1/workloads", { body });
/** One that is not collected; `version`: what is to be removed. */
export const removeWorkload = (path: WorkloadPath, version: number) =>
  call("delete", "/api/v1/workloads/{cluster}/{namespace}/{deployment}", { path, query: { version } });
export const editWorkloads = (edits: BulkEdit[]) => call("post", "/api/v1/workloads/bulk", { body: { edits } });
/** What these edits would do; nothing is written. */
export const checkEdits = (edits: BulkEdit[], signal?: AbortSignal) => call("post", "/api/v1/workloads/check", { body: { edits }, signal });
export const getWorkload = (path: WorkloadPath, signal?: AbortSignal) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}", { path, signal });
export const editWorkload = (path: WorkloadPath, body: WorkloadEdit) =>
  call("patch", "/api/v1/workloads/{cluster}/{namespace}/{deployment}", { path, body });
export const getHistory = (path: WorkloadPath, days: number, signal: AbortSignal) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/history", { path, query: { days }, signal });
export const listMarks = (path: WorkloadPath, days: number, signal: AbortSignal) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/marks", { path, query: { days }, signal });
export const listEdits = (path: WorkloadPath, signal: AbortSignal) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/edits", { path, signal });
export const getLive = (path: WorkloadPath) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/live", { path });

export const listAcceptances = (path: WorkloadPath, signal?: AbortSignal) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/acceptances", { path, signal });
/** Lets the door set what conditions withhold; with `accepted` false, no longer. */
export const acceptConditions = (body: AcceptanceBody) => call("post", "/api/v1/acceptances", { body });

export const startCollection = (days: number, refresh: boolean) =>
  call("post", "/api/v1/collect", { body: { days, refresh } });
export const startDay = (day: string) => call("post", "/api/v1/collect", { body: { day, refresh: true } });
export const listCollections = (signal: AbortSignal) => call("get", "/api/v1/collect/runs", { signal });
export const getCollection = (collection: string, signal?: AbortSignal) =>
  call("get", "/api/v1/collect/runs/{collection}", { path: { collection }, signal });
export const cancelCollection = (collection: string) =>
  call("post", "/api/v1/collect/runs/{collection}/cancel", { path: { collection } });
export const listDays = (signal: AbortSignal) => call("get", "/api/v1/collect/days", { signal });

export const getControl = (signal?: AbortSignal) => call("get", "/api/v1/control", { signal });
export const setControl = (enabled: boolean, note: string) => call("put", "/api/v1/control", { body: { enabled, note } });
type Previewed = operations["preview_admission"]["requestBody"]["content"]["application/json"];
/** Whether it is something that can be previewed is the API's to say. */
export const previewAdmission = (object: Manifest) => call("post", "/api/v1/admission/preview", { body: object as Previewed });
/** The same once `edit` is saved. */
export const previewEdit = (path: WorkloadPath, object: Manifest, edit: WorkloadEdit) =>
  call("post", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/preview", { path, body: { object, edit } });
export const listAdmissions = (query: AdmissionQuery, signal?: AbortSignal) =>
  call("get", "/api/v1/admissions", { query, signal });
export const listAudit = (query: AuditQuery, signal?: AbortSignal) => call("get", "/api/v1/audit", { query, signal });
/** Files that the browser fetches by itself, however long they are. */
export const auditFile = (query: AuditQuery) => addressOf("/api/v1/audit/export", {}, query);
export const admissionsFile = (query: AdmissionQuery) => addressOf("/api/v1/admissions/export", {}, query);

export const valuesFile = (query: ValuesQuery) => addressOf("/api/v1/values/export", {}, query);
export const readValues = (query: ValuesQuery, characters: number, signal: AbortSignal) =>
  readBeginning("/api/v1/values/export", query, characters, signal);
/** `add`: its lines may put workloads into the control table. */
export const previewImport = (sheet: Blob, add: boolean, signal?: AbortSignal) =>
  call("post", "/api/v1/values/import/preview", { body: sheet, query: { add }, signal });
export const importValues = (sheet: Blob, fingerprint: string, add: boolean) =>
  call("post", "/api/v1/values/import", { body: sheet, query: { fingerprint, add } });

export const listChannels = (signal?: AbortSignal) => call("get", "/api/v1/notifications/channels", { signal });
export const createChannel = (body: ChannelBody) => call("post", "/api/v1/notifications/channels", { body });
/** What is absent stays. */
export const changeChannel = (channel: string, body: Partial<ChannelChange>) =>
  call("patch", "/api/v1/notifications/channels/{channel}", { path: { channel }, body: body as ChannelChange });
export const deleteChannel = (channel: string) =>
  call("delete", "/api/v1/notifications/channels/{channel}", { path: { channel } });
export const testChannel = (channel: string) =>
  call("post", "/api/v1/notifications/channels/{channel}/test", { path: { channel } });
export const listMessages = (limit: number, signal?: AbortSignal) =>
  call("get", "/api/v1/notifications/messages", { query: { limit }, signal });

export type ActionQuery = NonNullable<QueryOf<operations["list_actions"]>>;
export const listActions = (query: ActionQuery, signal?: AbortSignal) => call("get", "/api/v1/actions", { query, signal });
/** What would happen; nothing is changed. */
export const planAction = (body: ActionBody, signal?: AbortSignal) =>
  call("post", "/api/v1/actions", { body: { ...body, dry_run: true }, signal });
export const startAction = (body: ActionBody) => call("post", "/api/v1/actions", { body });
export const getAction = (action: string, signal?: AbortSignal) =>
  call("get", "/api/v1/actions/{action}", { path: { action }, signal });
/** The action now, and again whenever it has changed, until it is over. */
export const followAction = (action: string, signal: AbortSignal) =>
  readLines("/api/v1/actions/{action}/stream", { action }, signal) as AsyncGenerator<ActionDetail>;
export const listRestorable = (signal?: AbortSignal) => call("get", "/api/v1/actions/restorable", { signal });
export const cancelAction = (action: string) => call("post", "/api/v1/actions/{action}/cancel", { path: { action } });

/** All, or those for one workload. */
export const listSchedules = (signal?: AbortSignal, query: NonNullable<QueryOf<operations["list_schedules"]>> = {}) =>
  call("get", "/api/v1/schedules", { query, signal });
export const createSchedule = (body: ScheduleBody) => call("post", "/api/v1/schedules", { body });
/** `version`: what the change is based on. */
export const changeSchedule = (schedule: string, version: number, body: ScheduleBody) =>
  call("put", "/api/v1/schedules/{schedule}", { path: { schedule }, body: { ...body, version } });
/** When a cron expression comes next. */
export const previewSchedule = (cron: string, zone: string, signal?: AbortSignal) =>
  call("post", "/api/v1/schedules/preview", { body: { cron, time_zone: zone }, signal });
export const pauseSchedule = (schedule: string) => call("post", "/api/v1/schedules/{schedule}/pause", { path: { schedule } });
export const resumeSchedule = (schedule: string) => call("post", "/api/v1/schedules/{schedule}/resume", { path: { schedule } });
export const runSchedule = (schedule: string) => call("post", "/api/v1/schedules/{schedule}/run", { path: { schedule } });
/** Brings back at once what a temporary scale has changed; `schedule`: its return. */
export const endSchedule = (schedule: string) => call("post", "/api/v1/schedules/{schedule}/end", { path: { schedule } });
/** Lets the number of a temporary scale stay; `schedule`: its return. */
export const keepSchedule = (schedule: string) => call("post", "/api/v1/schedules/{schedule}/keep", { path: { schedule } });
export const deleteSchedule = (schedule: string) => call("delete", "/api/v1/schedules/{schedule}", { path: { schedule } });

export const listUsers = (signal?: AbortSignal) => call("get", "/api/v1/users", { signal });
export const createUser = (username: string, password: string, role: Role) =>
  call("post", "/api/v1/users", { body: { username, password, role } });
export const changeRole = (username: string, role: Role, version: number) =>
  call("patch", "/api/v1/users/{username}", { path: { username }, body: { role, version } });
export const resetPassword = (username: string, password: string) =>
  call("put", "/api/v1/users/{username}/password", { path: { username }, body: { password } });
export const logUserOut = (username: string) => call("post", "/api/v1/users/{username}/log-out", { path: { username } });
export const deleteUser = (username: string, version: number) =>
  call("delete", "/api/v1/users/{username}", { path: { username }, query: { version } });

export const listTokens = (signal?: AbortSignal) => call("get", "/api/v1/tokens", { signal });
export const createToken = (name: string, role: Role, days: number) =>
  call("post", "/api/v1/tokens", { body: { name, role, expires_in_days: days } });
export const revokeToken = (name: string) => call("delete", "/api/v1/tokens/{name}", { path: { name } });
