import { expect, test } from "vitest";
import { said } from "@/locales/said";

test.each([
  ["10 of 10 days are there", "10 天中已有 10 天"],
  ["permission to patch mutatingwebhookconfigurations", "权限：patch mutatingwebhookconfigurations"],
  ["not known: no cluster is configured (KUBEDOOR_KUBECONFIG is none)", "未知：没有配置集群"],
  ["there is a user ann@example.com already", "已有用户 ann@example.com"],
  ["a user name has up to 128 letters, digits and . _ @ + -", "用户名最多 128 个字符，只能包含字母、数字和 . _ @ + -"],
  ["ann is the last admin: make somebody else an admin first", "ann 是最后一名管理员，请先将其他人设为管理员"],
])("%s is said in Chinese", (text, words) => expect(said(text, "zh-CN")).toBe(words));

test("what is not known is shown as it came, and English stays English", () => {
  expect(said("something new", "zh-CN")).toBe("something new");
  expect(said("allowed", "en")).toBe("allowed");
});
