import type { Token } from "@/types";

export const LENGTHS_DAYS = [7, 30, 90, 180, 365] as const;
export const LONGEST_DAYS = 3650;
const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

export type Standing = "ended" | "endsSoon" | "";

/** Whether a token has ended, or is about to. */
export function standing(token: Token, now: number): Standing {
  const left = Date.parse(token.expires_at) - now;
  if (left <= 0) return "ended";
  return left < SOON_DAYS * DAY_MS ? "endsSoon" : "";
}

/** When a token made now will end. */
export const endOf = (days: number, now: number): string => new Date(now + days * DAY_MS).toISOString();

/** Two lines for a shell, the second of which can stand in a script as it is. */
export function example(token: string, origin: string): string {
  return [`export KUBEDOOR_API_TOKEN='${token}'`, `curl -fsS -H "Authorization: Bearer $KUBEDOOR_API_TOKEN" ${origin}/api/v1/workloads`].join("\n");
}
