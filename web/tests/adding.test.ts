import { flushPromises, mount } from "@vue/test-utils";
import { beforeEach, describe, expect, test, vi } from "vitest";
import * as api from "@/api";
import { ApiError } from "@/api/client";
import { bodyOf, emptyDraft, faultsOf, filled, isReady, type NewDraft } from "@/components/adding/adding";
import AddDialog from "@/components/adding/AddDialog.vue";
import { findingsOf } from "@/views/workload/modules/findings";
import { container, history, workload } from "./samples";

vi.mock("@/api", { spy: true });

const typed = (given: Partial<NewDraft> = {}): NewDraft => ({ ...emptyDraft(), namespace: "shop", deployment: "checkout", ...given });
const template = (given = {}) => ({ cluster: "east", workload: workload(given) });

function withContainer(name: string, fields: Record<string, string>, from = typed()): NewDraft {
  const [first] = from.containers;
  return first ? { ...from, containers: [{ ...first, name, fields: { ...first.fields, ...fields } }] } : from;
}

describe("faultsOf", () => {
  test.each([
    ["names as Kubernetes takes them", { namespace: "shop-2", deployment: "check.out-1" }, {}],
    ["a namespace with a dot", { namespace: "sh.op" }, { namespace: "not_a_name" }],
    ["upper case", { deployment: "Checkout" }, { deployment: "not_a_name" }],
    ["an empty part", { deployment: "check..out" }, { deployment: "not_a_name" }],
    ["half a replica", { replicas: "1.5" }, { replicas: "not_whole" }],
  ])("%s", (_name, given, faults) => expect(faultsOf(typed(given))).toEqual(faults));

  test("a container needs a name where it has values, and only once", () => {
    const one = withContainer("app", { cpu_request: "250m" });
    expect(faultsOf(one)).toEqual({});
    expect(Object.values(faultsOf(withContainer("", { cpu_request: "1" })))).toEqual(["not_a_name"]);
    const doubled = one.containers.flatMap((first) => [first, { ...first, id: -1 }]);
    expect(Object.values(faultsOf({ ...one, containers: doubled }))).toEqual(["twice", "twice"]);
  });

  test("a request stays below the limit beside it", () => expect(Object.values(faultsOf(withContainer("app", { cpu_request: "2", cpu_limit: "1" })))).toEqual(["above_limit"]));
});

test("nothing is ready without its names", () => {
  expect(isReady(typed())).toBe(true);
  expect(isReady(typed({ namespace: " " }))).toBe(false);
});

test("what is left empty is not set", () => {
  expect(bodyOf(typed({ replicas: "", note: " new " }))).toEqual({ namespace: "shop", deployment: "checkout", mode: "enforce", replicas: null, containers: {}, note: "new" });
  const body = bodyOf(withContainer("app", { cpu_request: " 250m " }, typed({ replicas: "3" })));
  expect(body.replicas).toBe(3);
  expect(body.containers).toEqual({ app: { cpu_request: "250m", cpu_limit: null, memory_request: null, memory_limit: null } });
});

describe("a template", () => {
  test("fills in its control values, and a container called as its Deployment is called as the new one", () => {
    const draft = filled(typed(), template());
    expect([draft.replicas, draft.containers.map((one) => [one.name, one.fields.cpu_request, one.fields.memory_limit])]).toEqual(["6", [["checkout", "430m", "2Gi"]]]);
    expect(filled(typed({ deployment: "" }), template()).containers[0]?.name).toBe("cart");
  });

  test("what is withheld, and replicas of an HPA, are not filled in", () => {
    const draft = filled(typed(), template({ hpa: true, containers: [container({ cpu_request_millicores: null })] }));
    expect([draft.replicas, draft.containers[0]?.fields.cpu_request]).toEqual(["", ""]);
  });

  test("a sidecar that is injected into its pods is not filled in", () => {
    const draft = filled(typed(), template({ containers: [container(), container({ container: "istio-proxy", in_deployment: false })] }));
    expect(draft.containers.map((one) => one.name)).toEqual(["checkout"]);
  });

  test("is named in what is sent, and nothing of it comes back that was taken out", () => {
    const body = bodyOf(filled(typed(), template()), template());
    expect(body.template).toEqual({ cluster: "east", namespace: "shop", deployment: "cart" });
    expect(body.containers?.["cart"]).toEqual({ cpu_request: null, cpu_limit: null, memory_request: null, memory_limit: null });
    expect(body.containers?.["checkout"]).toMatchObject({ cpu_request: "430m" });
  });
});

test("what was put there by hand is not taken for something that is gone", () => {
  const keys = findingsOf(workload({ is_collected: false, newest_day: null, is_over_asked: false }), history({ days: [] })).map((one) => one.key);
  expect(keys).toEqual(["notCollected"]);
});

describe("the form", () => {
  beforeEach(() => {
    document.body.innerHTML = "";
    vi.mocked(api.listWorkloads).mockResolvedValue({ items: [workload()], total: 1, page: 1, page_size: 50, namespaces: [], is_sample: false });
  });

  async function open() {
    const shown = mount(AddDialog, { props: { modelValue: true, namespaces: ["shop"] }, attachTo: document.body });
    await flushPromises();
    const field = (name: string) => document.querySelector(`input[name="${name}"]`) as HTMLInputElement;
    const type = async (name: string, text: string) => {
      field(name).value = text;
      field(name).dispatchEvent(new Event("input"));
      await flushPromises();
    };
    const send = async () => {
      document.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true }));
      await flushPromises();
    };
    return { shown, field, type, send };
  }

  test("sends nothing before both names are right, and then what was typed", async () => {
    const sent = vi.mocked(api.addWorkload).mockResolvedValue({ version: 1 } as Awaited<ReturnType<typeof api.addWorkload>>);
    const { shown, type, send } = await open();
    await type("namespace", "shop");
    await type("deployment", "Checkout");
    await send();
    expect(sent).not.toHaveBeenCalled();
    expect(document.body.textContent).toContain("Lower-case letters");
    await type("deployment", "checkout");
    await type("replicas", "4");
    await send();
    expect(sent.mock.lastCall?.[0]).toMatchObject({ namespace: "shop", deployment: "checkout", replicas: 4, mode: "enforce" });
    expect(shown.emitted("added")?.[0]).toMatchObject([{ deployment: "checkout" }]);
  });

  test("says what the API says of a field below that field", async () => {
    vi.mocked(api.addWorkload).mockRejectedValue(new ApiError(422, "invalid_input", "namespace kube-system is excluded", { field: "namespace" }));
    const { field, type, send } = await open();
    await type("namespace", "kube-system");
    await type("deployment", "dns");
    await send();
    expect(field("namespace").getAttribute("aria-invalid")).toBe("true");
    expect(document.body.textContent).toContain("namespace kube-system is excluded");
  });
});
