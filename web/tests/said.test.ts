import { expect, test } from "vitest";
import { said } from "@/locales/said";

test.each([
  ["10 of 10 days are there", "10 天中已有 10 天"],
  ["permission to patch mutatingwebhookconfigurations", "权限：patch mutatingwebhookconfigurations"],
  ["not known: no cluster is configured (KUBEDOOR_KUBECONFIG is none)", "未知：没有配置集群"],
  ["there is a user ann@example.com already", "已有用户 ann@example.com"],
  ["a user name has up to 128 letters, digits and . _ @ + -", "用户名最多 128 个字符，只能包含字母、数字和 . _ @ + -"],
  ["ann is the last admin: make somebody else an admin first", "ann 是最后一名管理员，请先将其他人设为管理员"],
  ["namespace shop is labelled kubedoor-ignore", "命名空间 shop 带有标签 kubedoor-ignore"],
  ["exceeded quota: pods; the manual value is 4 again", "exceeded quota: pods；手工值恢复为 4"],
  ["the API server does not answer; the manual value is none now", "API server 没有响应；手工值现在未设置"],
  ["not touched: cancelled while the door still remembered older values", "未动：准入门仍记着旧值，等待时操作被取消"],
  ["9 of 9 pods are available; bob had edited it meanwhile: the manual value was 15", "9 个 Pod 中 9 个可用；bob 在此期间修改过：手工值原为 15"],
  ["3 of 3 pods are available; a restart would not give the control values: app cpu request 50m -> 100m", "3 个 Pod 中 3 个可用；重启不会得到管控值：app cpu request 50m -> 100m"],
  ["kept as it was: Prometheus has no usage of this day any more", "保持不变：Prometheus 中已没有这一天的用量"],
  ["kept as it was: Prometheus answered with partial data", "保持不变：Prometheus 只返回了部分数据"],
  [
    "conflict: the store holds usage of a Prometheus, among which sample data has no place: set KUBEDOOR_PROMETHEUS_URL, or another KUBEDOOR_DATA_DIR to try something out",
    "存储中已有来自 Prometheus 的用量，不能混入示例数据：请设置 KUBEDOOR_PROMETHEUS_URL；如要试用，请换一个 KUBEDOOR_DATA_DIR",
  ],
  ["pods side by side on 2026-11-20, the peak day", "高峰日 2026-11-20 同时运行的 Pod 数"],
  ["P95 of 2026-11-20 was 499.5Mi, in whole mebibytes", "2026-11-20 的 P95 为 499.5Mi，向上取整到 Mi"],
  ["P95 of 2026-11-20 was 8m, raised to the floor", "2026-11-20 的 P95 为 8m，提高到下限"],
  ["P95 of 2026-11-20 was 310m with 3 pods", "2026-11-20 运行 3 个 Pod，P95 为 310m"],
  ["load of 2026-11-20 was 10 × 100m, over 3 replicas", "2026-11-20 的负载为 10 × 100m，由 3 个副本分担"],
  ["the maximum seen, since it was OOM-killed 1 time", "曾因 OOM 被杀 1 次，取见过的最大值"],
  ["usage divided by the HPA's target of 60 %", "用量除以 HPA 的目标 60%"],
  ["moved from 430m by the LimitRange team", "由 LimitRange team 从 430m 调整而来"],
  ["left alone, since the 4 that the largest node can allocate are less", "不设置：最大节点只能分配 4"],
  ["unchanged manifest", "清单没有改变：不重启"],
  ["KubeDoor: unchanged manifest, requests and limits stay as they run", "KubeDoor：清单没有改变，请求和上限保持运行值"],
  ["the door is on and would set control values again: switch control off, or set its mode to off", "管控已开启，准入门会再次设置管控值：请先关闭管控，或将其模式设为关闭"],
  [
    "2 of 2 pods are available; kept, since its owner asked for it while the door did nothing: app requests.cpu; a server-side apply of its owner may report a conflict with KubeDoor: forbidden",
    "2 个 Pod 中 2 个可用；保留业务方在准入门停用期间改过的：app requests.cpu；业务方的 server-side apply 可能提示与 KubeDoor 冲突：forbidden",
  ],
  ["changed, but an admission sets other values than were asked for: app cpu request 2 -> 1", "已修改，但某个准入设置的值与清单原值不同：app cpu request 2 -> 1"],
  ["KubeDoor: the store is away, nothing was set", "KubeDoor：存储过慢或不可用，没有设置任何值"],
  ["an admission sets other values than were asked for: app cpu request 2 -> 1", "某个准入设置的值与清单原值不同：app cpu request 2 -> 1"],
  ["KubeDoor: the store is slow or away, nothing was set", "KubeDoor：存储过慢或不可用，没有设置任何值"],
])("%s is said in Chinese", (text, words) => expect(said(text, "zh-CN")).toBe(words));

test("what is not known is shown as it came, and English stays English", () => {
  expect(said("something new", "zh-CN")).toBe("something new");
  expect(said("allowed", "en")).toBe("allowed");
});
