import { expect, test } from "vitest";
import { said } from "@/locales/said";

test.each([
  ["10 of 10 days are there", "10 天中已有 10 天"],
  ["permission to patch mutatingwebhookconfigurations", "权限：patch mutatingwebhookconfigurations"],
  ["not known: no cluster is configured (KUBEDOOR_KUBECONFIG is none)", "未知：没有配置集群"],
])("%s is said in Chinese", (text, words) => expect(said(text, "zh-CN")).toBe(words));

test("what is not known is shown as it came, and English stays English", () => {
  expect(said("something new", "zh-CN")).toBe("something new");
  expect(said("allowed", "en")).toBe("allowed");
});
