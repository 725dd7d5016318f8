/** The one way to the API: cookies, JSON, the error shape, a session that has ended, an API that is away. */
import { ref } from "vue";
import type { paths } from "./schema";

type Method = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = paths[P][M];
type Params<O> = O extends { parameters: infer A } ? A : never;
export type QueryOf<O> = Params<O> extends { query?: infer Q } ? (Q extends undefined ? never : Q) : never;
type PathOf<O> = Params<O> extends { path: infer Q } ? Q : never;
type BodyOf<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? B : never;
type Json<R> = R extends { content: { "application/json": infer B } } ? B : undefined;
type Answers<O> = O extends { responses: infer R } ? R : never;
export type AnswerOf<O> = {
  [S in keyof Answers<O>]: S extends 200 | 201 | 202 | 204 ? Json<Answers<O>[S]> : never;
}[keyof Answers<O>];

type Need<Key extends string, V> = [V] extends [never] ? unknown : Record<Key, V>;
export type CallOptions<O> = { signal?: AbortSignal; query?: QueryOf<O> } & Need<"path", PathOf<O>> &
  Need<"body", BodyOf<O>>;

/** What the API said was wrong. `status` 0 and `code` "away": there was no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** The field that is wrong, as the request named it; empty when the error is about no field. */
  get field(): string {
    return typeof this.details["field"] === "string" ? this.details["field"] : "";
  }
}

export const isAway = ref(false);
/** Grows when the API is back: what had failed is then loaded again. */
export const returns = ref(0);

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 5000;
const GATEWAY_AWAY = new Set([502, 503, 504]);
let onSessionEnd: () => void = () => undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Called whenever an answer says that nobody is logged in. */
export function whenSessionEnds(handler: () => void): void {
  onSessionEnd = handler;
}

function goneAway(): void {
  if (isAway.value) return;
  isAway.value = true;
  askAgain(FIRST_WAIT_MS);
}

function askAgain(waitMs: number): void {
  clearTimeout(timer);
  timer = setTimeout(() => void checkReturn(waitMs), waitMs);
}

/** Ask whether the API is back; goes on asking until it is. */
export async function checkReturn(waitMs = FIRST_WAIT_MS): Promise<void> {
  try {
    const answer = await fetch("/healthz", { cache: "no-store" });
    if (answer.ok) {
      isAway.value = false;
      returns.value += 1;
      return;
    }
  } catch {
    // Still away: asked again below.
  }
  askAgain(Math.min(waitMs * 1.5, LONGEST_WAIT_MS));
}

function addressOf(template: string, path: object, query: object): string {
  const values = path as Record<string, string>;
  const address = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  return search.size ? `${address}?${search}` : address;
}

async function errorOf(answer: Response): Promise<ApiError> {
  const body: unknown = await answer.json().catch(() => undefined);
  if (typeof body === "object" && body !== null && "error" in body) {
    const { code, message, details } = body.error as { code: string; message: string; details: Record<string, unknown> };
    return new ApiError(answer.status, code, message, details);
  }
  return new ApiError(answer.status, GATEWAY_AWAY.has(answer.status) ? "away" : "unknown", answer.statusText);
}

/** Ask the API. Raises ApiError, or what an abort raises. */
export async function call<P extends keyof paths, M extends Method>(
  method: M,
  template: P,
  options: CallOptions<Operation<P, M>>,
): Promise<AnswerOf<Operation<P, M>>> {
  const given = options as { signal?: AbortSignal; query?: object; path?: object; body?: unknown };
  let answer: Response;
  try {
    answer = await fetch(addressOf(template, given.path ?? {}, given.query ?? {}), {
      method: method.toUpperCase(),
      credentials: "same-origin",
      headers: given.body === undefined ? {} : { "Content-Type": "application/json" },
      body: given.body === undefined ? undefined : JSON.stringify(given.body),
      signal: given.signal,
    });
  } catch (error) {
    if (given.signal?.aborted) throw error;
    goneAway();
    throw new ApiError(0, "away", "");
  }
  if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as AnswerOf<Operation<P, M>>;
  const error = await errorOf(answer);
  if (error.code === "away") goneAway();
  if (answer.status === 401) onSessionEnd();
  throw error;
}
