import { mount } from "@vue/test-utils";
import { describe, expect, test } from "vitest";
import DoorParts from "@/views/door/modules/DoorParts.vue";
import type { Control } from "@/types";

function parts(given: Partial<Control>): string[] {
  const control = { enabled: true, is_current: true, reason: "", failure_policy: "", door: "both", wanted_door: "both", webhook: "on", policies: "on", ...given } as Control;
  return mount(DoorParts, { props: { control } }).findAll("dt, section > p").map((each) => each.text().replace(/\s+/g, " "));
}

describe("what enforces", () => {
  test("shows the real state of webhook and policies, and what the setting wants", () => {
    expect(parts({})).toEqual(["Admission webhook On", "Native policies On", "The setting wants: native policies and the webhook"]);
    expect(parts({ policies: "partial" })[1]).toBe("Native policies Incomplete");
    expect(parts({ door: "webhook", policies: "unavailable" })[1]).toBe("Native policies Not possible in this cluster");
    expect(parts({ webhook: "off", policies: "changed", wanted_door: "native" })).toEqual(["Admission webhook Off", "Native policies On, not as it should be", "The setting wants: native policies"]);
  });

  test("says nothing of policies that nobody has looked at", () => {
    expect(parts({ wanted_door: "webhook", policies: "" })).toEqual(["Admission webhook On", "The setting wants: the webhook"]);
  });
});
