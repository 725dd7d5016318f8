import { effectScope, nextTick, ref } from "vue";
import { createMemoryHistory, createRouter } from "vue-router";
import { describe, expect, test } from "vitest";
import { draftOfVersion, editOf } from "@/components/editor/editing";
import { newKillsOf } from "@/components/editor/useCheck";
import { guardUnsaved, useUnsaved, useUnsavedDialog, useUnsavedQuestion } from "@/composables/useUnsaved";
import { unsaid } from "@/locales/sentences";
import type { ValueWarning } from "@/types";
import { resourcesBlock } from "@/views/workload/modules/resources";
import { container, MIB, workload } from "./samples";

const warning = (given: Partial<ValueWarning> = {}): ValueWarning => ({
  kind: "no_replicas", field: "replicas", kills: true, message: "", message_said: unsaid(""), ...given,
});
const question = useUnsavedQuestion();
const page = { template: "<i />" };
const asked = async (): Promise<(leaves: boolean) => void> => {
  for (let turn = 0; turn < 20 && !question.value; turn++) await nextTick();
  if (!question.value) throw new Error("nobody asks");
  return question.value;
};

describe("what is typed and not saved", () => {
  test("is not left by a link, a filter of the list or Cancel before that is agreed to", async () => {
    const router = createRouter({
      history: createMemoryHistory(),
      routes: [{ path: "/", component: page }, { path: "/workloads", name: "workloads", component: page }],
    });
    guardUnsaved(router);
    await router.push("/workloads?edit=shop/cart");
    const scope = effectScope();
    const isTyped = ref(true);
    const { leave } = scope.run(() => useUnsaved(() => isTyped.value)) ?? {};

    for (const to of ["/", "/workloads?page=2&edit=shop/cart"]) {
      const going = router.push(to);
      (await asked())(false);
      await going;
      expect(router.currentRoute.value.fullPath).toBe("/workloads?edit=shop/cart");
    }
    let isLeft = false;
    const leaving = leave?.(() => (isLeft = true));
    (await asked())(false);
    await leaving;
    expect(isLeft).toBe(false);

    const unload = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(unload);
    expect(unload.defaultPrevented).toBe(true);

    const going = router.push("/");
    (await asked())(true);
    await going;
    expect(router.currentRoute.value.fullPath).toBe("/");
    scope.stop();
    await router.push("/workloads");
    expect(router.currentRoute.value.fullPath).toBe("/workloads");
  });

  test("is guarded in a dialog from when it opens, until it is saved", async () => {
    const scope = effectScope();
    const [isOpen, text] = [ref(true), ref("")];
    const dialog = scope.run(() => useUnsavedDialog(isOpen, () => text.value));
    let closed = 0;
    dialog?.beforeClose(() => closed++);
    expect(closed).toBe(1);
    text.value = "typed";
    dialog?.beforeClose(() => closed++);
    (await asked())(false);
    await nextTick();
    expect(closed).toBe(1);
    dialog?.settle();
    dialog?.beforeClose(() => closed++);
    expect(closed).toBe(2);
    scope.stop();
  });
});

test("only what ends or kills pods, and does not stand there already, is asked about", () => {
  const standing = workload({ warnings: [warning()] });
  const limit = warning({ kind: "memory_limit_below_peak", field: "containers.cart.memory_limit" });
  const mild = warning({ kind: "many_replicas", kills: false });
  expect(newKillsOf(standing, [warning(), limit, mild])).toEqual([limit]);
  expect(newKillsOf(workload(), [warning(), mild])).toEqual([warning()]);
  const lower = warning({ ...limit, message: "64Mi" });
  expect(newKillsOf(workload({ warnings: [{ ...limit, message: "400Mi" }] }), [lower])).toEqual([lower]);
  // What was only observed is enforced from now on.
  expect(newKillsOf(workload({ warnings: [warning({ kills: false })] }), [warning()])).toEqual([warning()]);
});

test("an earlier version is an edit of what differs from it", () => {
  const now = workload({ manual_replicas: 9, replicas: 9, containers: [container({ manual_cpu_request_millicores: 800, cpu_request_millicores: 800 })] });
  const version = {
    ...now.manual, version: 1, mode: "observe" as const, replicas: 4,
    containers: { cart: { cpu_request_millicores: null, memory_request_bytes: 512 * MIB, cpu_limit_millicores: null, memory_limit_bytes: null }, gone: { cpu_request_millicores: 1, memory_request_bytes: null, cpu_limit_millicores: null, memory_limit_bytes: null } },
  };
  expect(editOf(now, draftOfVersion(now, version, "as before"))).toEqual({
    version: 3, note: "as before", mode: "observe", replicas: 4, containers: { cart: { cpu_request: null, memory_request: "512Mi" } },
  });
});

describe("the block to copy", () => {
  const block = (given: Parameters<typeof container>[0]) => resourcesBlock(container(given), (field) => `# ${field}: withheld`);

  test("has the control values, as a manifest has them", () => {
    expect(block({ cpu_request_millicores: 430, memory_request_bytes: 500 * MIB, cpu_limit_millicores: 2000, memory_limit_bytes: null })).toBe(
      'resources:\n  requests:\n    cpu: 430m\n    memory: 500Mi\n  limits:\n    cpu: "2"',
    );
  });

  test("has no request that rounding puts above its limit", () => {
    const found = block({ cpu_request_millicores: null, cpu_limit_millicores: null, memory_request_bytes: 511_999_999, memory_limit_bytes: 512_000_000 });
    expect(found).toBe("resources:\n  requests:\n    memory: 512M\n  limits:\n    memory: 512M");
  });

  test("says what conditions withhold, and is empty without values", () => {
    const withheld = { cpu_request_millicores: null, collected_cpu_request_millicores: 430, manual_cpu_request_millicores: null, withheld: { cpu_request_millicores: ["ShortHistory"] } };
    const none = { cpu_limit_millicores: null, memory_limit_bytes: null };
    expect(block({ ...withheld, ...none, memory_request_bytes: 500 * MIB })).toBe("resources:\n  requests:\n    # cpu_request: withheld\n    memory: 500Mi");
    expect(block({ ...withheld, ...none, memory_request_bytes: null })).toBe("");
  });
});
