import { mount } from "@vue/test-utils";
import { describe, expect, test } from "vitest";
import FormField from "@/components/FormField.vue";
import { visibleGroups } from "@/components/rail/pages";
import type { Token, User } from "@/types";
import { example, standing } from "@/views/people/modules/tokens";
import { barrier, firstPassword, nameFault, passwordFault, type Barrier, type UserAction } from "@/views/people/modules/users";

const person = (username: string, given: Partial<User> = {}): User => ({ username, role: "viewer", source: "local", must_change_password: false, version: 1, changed_at: "2026-11-24T10:00:00Z", ...given });

describe("what can be done to a user", () => {
  const [root, ann, vic] = [person("root", { role: "admin" }), person("ann", { role: "admin" }), person("vic")];
  const oidc = person("olga", { source: "oidc", role: "admin" });

  test.each<[string, UserAction, User, User[], Barrier | undefined]>([
    ["the last admin is not deleted", "delete", root, [root, vic], "lastAdmin"],
    ["the last admin keeps the role", "role", root, [root, vic], "lastAdmin"],
    ["the last admin may be logged out", "logout", root, [root, vic], undefined],
    ["one of two admins may go", "delete", root, [root, ann], undefined],
    ["an admin of the provider counts as one", "delete", root, [root, oidc], undefined],
    ["the provider keeps the role", "role", oidc, [root, oidc], "provider"],
    ["the provider keeps the password", "password", oidc, [root, oidc], "provider"],
    ["somebody of the provider may be deleted", "delete", oidc, [root, oidc], undefined],
    ["one's own password is not reset", "password", root, [root, ann], "ownPassword"],
    ["a viewer may be deleted", "delete", vic, [root, vic], undefined],
  ])("%s", (_, action, user, all, expected) => expect(barrier(action, user, all, "root")).toBe(expected));
});

test("a first password is long, can be read out and is never the same", () => {
  const made = new Set(Array.from({ length: 50 }, firstPassword));
  expect(made.size).toBe(50);
  for (const password of made) expect(password).toMatch(/^([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}$/);
});

describe("tokens", () => {
  const now = Date.parse("2026-11-24T10:00:00Z");
  const token = (expires_at: string): Token => ({ name: "ci", role: "viewer", made_by: "root", made_at: "2026-01-01T00:00:00Z", expires_at, last_used_at: null });

  test.each([
    ["2026-11-24T10:00:00Z", "ended"],
    ["2026-12-07T10:00:00Z", "endsSoon"],
    ["2027-01-01T00:00:00Z", ""],
  ])("one that ends at %s: %s", (end, expected) => expect(standing(token(end), now)).toBe(expected));

  test("the example is a request that works as it stands", () => {
    expect(example("kubedoor_abc", "https://kubedoor.example.com")).toBe(
      "export KUBEDOOR_API_TOKEN='kubedoor_abc'\ncurl -fsS -H \"Authorization: Bearer $KUBEDOOR_API_TOKEN\" https://kubedoor.example.com/api/v1/workloads",
    );
  });
});

test("pages a role may not see are not in the rail, nor is a group without pages", () => {
  const names = visibleGroups((page) => page.name === "overview" || page.name === "checkup").map((group) => [group.name, group.pages.map((page) => page.name)]);
  expect(names).toEqual([["look", ["overview"]], ["administer", ["checkup"]]]);
});

test("what is wrong with a field stands in place of its hint", async () => {
  const field = mount(FormField, { props: { name: "Name", hint: "any" }, slots: { default: "<input>" } });
  expect(field.text()).toContain("any");
  await field.setProps({ problem: "taken" });
  expect(field.find("[role=alert]").text()).toBe("taken");
  expect(field.text()).not.toContain("any");
});

test("what is wrong with a name or a password is said while it is typed, and that there is none once it is wanted", () => {
  expect(["", "two words", "张伟", "ann@example.com"].map((name) => nameFault(name, false, "user"))).toEqual(["", "characters", "", ""]);
  expect([nameFault(" ", true, "user"), nameFault("a@b", true, "token")]).toEqual(["name", "characters"]);
  expect([passwordFault("short"), passwordFault("long enough")]).toEqual(["short", ""]);
});
