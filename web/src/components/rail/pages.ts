import { ArrowDownUp, Bell, CalendarClock, CalendarSync, DoorOpen, LayoutDashboard, Rows3, ScrollText, SquarePlay, Stethoscope, Users } from "lucide-vue-next";
import type { Component } from "vue";

/** A page that can be gone to from everywhere; the router says which role it needs. */
export interface Page {
  name: "overview" | "workloads" | "door" | "actions" | "schedules" | "collection" | "record" | "transfer" | "notifications" | "people" | "checkup";
  icon: Component;
  /** Has a place of its own in a phone's bar; the others are under "more". */
  isMain?: boolean;
}

export interface Group {
  name: "look" | "work" | "administer";
  pages: Page[];
}

export const GROUPS: Group[] = [
  {
    name: "look",
    pages: [
      { name: "overview", icon: LayoutDashboard, isMain: true },
      { name: "workloads", icon: Rows3, isMain: true },
      { name: "door", icon: DoorOpen, isMain: true },
    ],
  },
  {
    name: "work",
    pages: [
      { name: "actions", icon: SquarePlay, isMain: true },
      { name: "schedules", icon: CalendarClock },
      { name: "collection", icon: CalendarSync },
    ],
  },
  {
    name: "administer",
    pages: [
      { name: "record", icon: ScrollText },
      { name: "transfer", icon: ArrowDownUp },
      { name: "notifications", icon: Bell },
      { name: "people", icon: Users },
      { name: "checkup", icon: Stethoscope },
    ],
  },
];

/** Without the pages that may not be seen, and without groups that have none left. */
export function visibleGroups(maySee: (page: Page) => boolean): Group[] {
  return GROUPS.map((group) => ({ ...group, pages: group.pages.filter(maySee) })).filter((group) => group.pages.length);
}
