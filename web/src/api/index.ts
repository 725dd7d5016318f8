/** Every question the pages ask, by name. */
import type { BulkEdit, Manifest, WorkloadEdit } from "@/types";
import { call, type QueryOf } from "./client";
import type { operations } from "./schema";

export type WorkloadQuery = NonNullable<QueryOf<operations["list_workloads"]>>;
export type AdmissionQuery = NonNullable<QueryOf<operations["list_admissions"]>>;
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
export const changePassword = (oldPassword: string, newPassword: string) =>
  call("put", "/api/v1/session/password", { body: { old_password: oldPassword, new_password: newPassword } });

export const getOverview = (signal: AbortSignal) => call("get", "/api/v1/overview", { signal });
export const runCheckup = (signal: AbortSignal) => call("get", "/api/v1/checkup", { signal });

export const listWorkloads = (query: WorkloadQuery, signal?: AbortSignal) =>
  call("get", "/api/v1/workloads", { query, signal });
export const editWorkloads = (edits: BulkEdit[]) => call("post", "/api/v1/workloads/bulk", { body: { edits } });
export const getWorkload = (path: WorkloadPath, signal?: AbortSignal) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}", { path, signal });
export const editWorkload = (path: WorkloadPath, body: WorkloadEdit) =>
  call("patch", "/api/v1/workloads/{cluster}/{namespace}/{deployment}", { path, body });
export const getHistory = (path: WorkloadPath, days: number, signal: AbortSignal) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/history", { path, query: { days }, signal });
export const listEdits = (path: WorkloadPath, signal: AbortSignal) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/edits", { path, signal });
export const getLive = (path: WorkloadPath) =>
  call("get", "/api/v1/workloads/{cluster}/{namespace}/{deployment}/live", { path });

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
export const setControl = (enabled: boolean) => call("put", "/api/v1/control", { body: { enabled } });
export const previewAdmission = (object: Manifest) => call("post", "/api/v1/admission/preview", { body: object });
export const listAdmissions = (query: AdmissionQuery, signal?: AbortSignal) =>
  call("get", "/api/v1/admissions", { query, signal });
export const listAudit = (limit: number, signal: AbortSignal) => call("get", "/api/v1/audit", { query: { limit }, signal });
