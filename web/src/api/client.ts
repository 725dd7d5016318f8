/** The one way to the API: cookies, JSON, the error shape, a session that has ended, an API that is away. */
import { ref } from "vue";
import { unsaid, type Said } from "@/locales/sentences";
import type { components, paths } from "./schema";

type Method = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = paths[P][M];
type Params<O> = O extends { parameters: infer A } ? A : never;
export type QueryOf<O> = Params<O> extends { query?: infer Q } ? (Q extends undefined ? never : Q) : never;
type PathOf<O> = Params<O> extends { path: infer Q } ? Q : never;
type BodyOf<O> = O extends { requestBody: { content: { "application/json": infer B } } }
  ? B
  : O extends { requestBody: { content: { "text/csv": string } } }
    ? Blob
    : never;
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
    /** The message with its code. */
    readonly said: Said = unsaid(message),
  ) {
    super(message);
  }

  /** The field that is wrong, as the request named it; empty when the error is about no field. */
  get field(): string {
    return typeof this.details["field"] === "string" ? this.details["field"] : "";
  }
}

/** The cluster that questions are about; empty: the home cluster. It is the router that says so. */
export const cluster = ref("");
/** What all clusters have in common. */
const COMMON = /^\/api\/v1\/(session|users|tokens|notifications|clusters|openapi)\b/;

export const isAway = ref(false);
/** Grows when the API is back: what had failed is then loaded again. */
export const returns = ref(0);

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 5000;
const GATEWAY_AWAY = new Set([502, 503, 504]);
let onSessionEnd: () => void = () => undefined;
let onRefusal: () => void = () => undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Called whenever an answer says that nobody is logged in. */
export function whenSessionEnds(handler: () => void): void {
  onSessionEnd = handler;
}

/** Called whenever an answer says that the role does not suffice: it may have changed since. */
export function whenRefused(handler: () => void): void {
  onRefusal = handler;
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

/** Where a question is answered: also for links from which the browser itself fetches a file. */
export function addressOf(template: keyof paths, path: object, query: object): string {
  const values = path as Record<string, string>;
  const address = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const search = new URLSearchParams();
  if (cluster.value && !COMMON.test(template) && !template.includes("{cluster}")) search.set("cluster", cluster.value);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  return search.size ? `${address}?${search}` : address;
}

async function errorOf(answer: Response): Promise<ApiError> {
  const body: unknown = await answer.json().catch(() => undefined);
  if (typeof body === "object" && body !== null && "error" in body) {
    const { code, message, details, message_said: said } = body.error as components["schemas"]["ErrorBody"];
    return new ApiError(answer.status, code, message, details, said);
  }
  return new ApiError(answer.status, GATEWAY_AWAY.has(answer.status) ? "away" : "unknown", answer.statusText);
}

interface Given {
  signal?: AbortSignal;
  query?: object;
  path?: object;
  body?: unknown;
}

/** An answer that is no error. Raises ApiError, or what an abort raises. */
async function ask(method: Method, template: keyof paths, given: Given): Promise<Response> {
  const isJson = given.body !== undefined && !(given.body instanceof Blob);
  let answer: Response;
  try {
    answer = await fetch(addressOf(template, given.path ?? {}, given.query ?? {}), {
      method: method.toUpperCase(),
      credentials: "same-origin",
      headers: isJson ? { "Content-Type": "application/json" } : {},
      body: isJson ? JSON.stringify(given.body) : (given.body as Blob | undefined),
      signal: given.signal,
    });
  } catch (error) {
    if (given.signal?.aborted) throw error;
    goneAway();
    throw new ApiError(0, "away", "");
  }
  if (answer.ok) return answer;
  const error = await errorOf(answer);
  if (error.code === "away") goneAway();
  if (answer.status === 401) onSessionEnd();
  if (answer.status === 403) onRefusal();
  throw error;
}

/** Ask the API. Raises ApiError, or what an abort raises. */
export async function call<P extends keyof paths, M extends Method>(
  method: M,
  template: P,
  options: CallOptions<Operation<P, M>>,
): Promise<AnswerOf<Operation<P, M>>> {
  const answer = await ask(method, template, options as Given);
  return (answer.status === 204 ? undefined : await answer.json()) as AnswerOf<Operation<P, M>>;
}

/** The first characters of an answer that is text, and whether that is all of it; the rest is not fetched. */
export async function readBeginning<P extends keyof paths>(
  template: P,
  query: QueryOf<Operation<P, "get">>,
  characters: number,
  signal: AbortSignal,
): Promise<{ text: string; isAll: boolean }> {
  const answer = await ask("get", template, { query: query as object, signal });
  const reader = (answer.body ?? new Blob().stream()).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.length <= characters) {
    const piece = await reader.read().catch((error: unknown) => {
      if (signal.aborted) throw error;
      goneAway();
      throw new ApiError(0, "away", "");
    });
    if (piece.done) return { text, isAll: true };
    text += piece.value;
  }
  await reader.cancel();
  return { text: text.slice(0, characters), isAll: false };
}

/** An answer of one JSON value per line, as the lines come. It ends when the answer ends, also when that breaks off. */
export async function* readLines(template: keyof paths, path: object, signal: AbortSignal): AsyncGenerator<unknown> {
  const answer = await ask("get", template, { path, signal });
  const reader = (answer.body ?? new Blob().stream()).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!signal.aborted) {
    // A connection that is lost says nothing about the API: whoever reads asks again, and is told then.
    const piece = await reader.read().catch(() => undefined);
    if (!piece || piece.done) return;
    const lines = (text + piece.value).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}
