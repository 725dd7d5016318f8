/** What a channel may be told of, in the groups whose messages are limited together. */
import type { ChannelEvent } from "@/types";

export const EVENTS = {
  door: ["door_overrode", "clamped", "unknown_workload", "door_failed"],
  operations: ["collection_failed", "collection_incomplete", "values_waiting", "action_finished", "action_failed", "switch_used"],
  certificate: ["certificate_ends"],
} as const satisfies Record<string, readonly ChannelEvent[]>;

export const ALL_EVENTS: readonly ChannelEvent[] = Object.values(EVENTS).flat();

/** Only what somebody has to look after: a new channel begins with these. */
export const TROUBLES: readonly ChannelEvent[] = ["unknown_workload", "door_failed", "collection_failed", "collection_incomplete", "values_waiting", "action_failed", "switch_used", "certificate_ends"];
