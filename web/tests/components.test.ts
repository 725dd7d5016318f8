import { mount } from "@vue/test-utils";
import { describe, expect, test } from "vitest";
import AdmissionChanges from "@/components/AdmissionChanges.vue";
import ChangeList from "@/components/editor/ChangeList.vue";
import UsageBar from "@/components/UsageBar.vue";
import { asRequest, manifestOf, readManifest } from "@/components/preview/manifests";
import { workload } from "./samples";

describe("UsageBar", () => {
  const bar = (given: { used: number; asked: number | null; control?: number; limit?: number }) => mount(UsageBar, { props: { resource: "cpu", ...given } });

  test("says in words what it shows", () => {
    expect(bar({ used: 500, asked: 2000, control: 600, limit: 4000 }).attributes("aria-label")).toBe("500m used at peak, 2 cores requested, control value 600m, limit 4 cores");
  });

  test("what is used beyond the request is told apart", () => {
    const shown = bar({ used: 1500, asked: 1000 });
    expect(shown.find(".beyond").attributes("style")).toContain("left: 66.6");
    expect(bar({ used: 500, asked: 1000 }).find(".beyond").exists()).toBe(false);
  });

  test("without a request there is none to see", () => expect(bar({ used: 500, asked: null }).find(".asked").exists()).toBe(false));
});

test("a text from the cluster is shown as text", () => {
  const markup = "<img src=x onerror=alert(1)>";
  const shown = mount(AdmissionChanges, { props: { before: { [markup]: markup }, after: { [markup]: markup } } });
  expect(shown.find("img").exists()).toBe(false);
  expect(shown.text()).toContain(markup);
});

test("an admission's fields are named in the reader's words", () => {
  const shown = mount(AdmissionChanges, { props: { before: { "my app cpu request": "2", replicas: "10" }, after: { "my app cpu request": "640m", replicas: "3" } } });
  expect(shown.text()).toContain("my app · CPU request 2 → 640m");
  expect(shown.text()).toContain("Replicas 10 → 3");
});

test("a change list says what becomes of each value", () => {
  const changes = [{ key: "replicas", field: "replicas" as const, container: "", before: null, after: "3", isCleared: false }];
  expect(mount(ChangeList, { props: { changes } }).text()).toMatch(/Replicas\s*not set\s*3\s*by hand/);
});

describe("manifests", () => {
  test("YAML and JSON are both read", async () => {
    expect(await readManifest("kind: Deployment")).toEqual({ kind: "Deployment" });
    expect(await readManifest('{"kind": "Deployment"}')).toEqual({ kind: "Deployment" });
    await expect(readManifest("just words")).rejects.toThrow();
    await expect(readManifest("a: [1")).rejects.toThrow();
  });

  test("a scaling changes replicas only, a restart the template only", () => {
    const manifest = manifestOf(workload());
    const [scale, restart] = [asRequest(manifest, "scale"), asRequest(manifest, "restart")].map((review) => review["request"] as { object: { spec: object }; oldObject: { spec: object } });
    const templateOf = (spec: object | undefined) => (spec as { template: unknown }).template;
    const replicasOf = (spec: object | undefined) => (spec as { replicas: unknown }).replicas;
    expect(templateOf(scale?.oldObject.spec)).toEqual(templateOf(scale?.object.spec));
    expect(replicasOf(scale?.oldObject.spec)).not.toEqual(replicasOf(scale?.object.spec));
    expect(templateOf(restart?.oldObject.spec)).not.toEqual(templateOf(restart?.object.spec));
    expect(replicasOf(restart?.oldObject.spec)).toEqual(replicasOf(restart?.object.spec));
  });
});
