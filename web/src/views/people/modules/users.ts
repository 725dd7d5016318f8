import type { User } from "@/types";

export const USER_ACTIONS = ["role", "password", "logout", "delete"] as const;
export type UserAction = (typeof USER_ACTIONS)[number];
export type Barrier = "lastAdmin" | "provider" | "ownPassword";

/** Why something cannot be done to a user, as the API would answer; undefined: it can. */
export function barrier(action: UserAction, user: User, users: User[], me: string): Barrier | undefined {
  const isLast = user.role === "admin" && !users.some((other) => other.role === "admin" && other.username !== user.username);
  if (user.source === "oidc" && (action === "role" || action === "password")) return "provider";
  if (isLast && (action === "role" || action === "delete")) return "lastAdmin";
  if (action === "password" && user.username === me) return "ownPassword";
  return undefined;
}

// Letters and digits that nobody takes for another; 32 of them, so that every byte stands for one as often as for any.
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";

/** A first password that can be read out: 100 random bits in groups of five letters. */
export function firstPassword(): string {
  const letters = [...crypto.getRandomValues(new Uint8Array(20))].map((byte) => LETTERS[byte % LETTERS.length] ?? "");
  return [0, 5, 10, 15].map((start) => letters.slice(start, start + 5).join("")).join("-");
}

export type Fault = "name" | "characters" | "short" | "";
const SHORTEST_PASSWORD = 8;
const USER_NAME = /^[\p{L}\p{M}\p{N}._@+-]*$/u;
const TOKEN_NAME = /^[\p{L}\p{M}\p{N}._-]*$/u;

/** What is wrong with a name as far as it is typed; that there is none counts once somebody wants to go on. The API knows more rules. */
export function nameFault(name: string, isAsked: boolean, kind: "user" | "token"): Fault {
  if (!name.trim()) return isAsked ? "name" : "";
  return (kind === "user" ? USER_NAME : TOKEN_NAME).test(name.trim()) ? "" : "characters";
}

export const passwordFault = (password: string): Fault => (password.length < SHORTEST_PASSWORD ? "short" : "");
