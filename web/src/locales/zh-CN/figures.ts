/** 概览数字的含义、覆盖情况、OOM 与费用。 */
export default {
  figures: {
    asked: "清单原值", enforced: "运行值", wouldBe: "管控值全部生效后", noDeployments: "最近一天的请求值",
    hint: { asked: "所有 Deployment 的清单所请求的资源", enforced: "实际运行的请求值：由准入 webhook 设置，否则为清单原值", wouldBe: "所有管控值都生效后；没有管控值的 Deployment 保持现状" },
    busiest: "最忙的一天（{day}）使用 {amount}，占当天请求的 {share}", own: "各工作负载各自最重的一天相加：{amount}",
    oomKilled: "OOM 被杀", oomKilledHint: "回看范围内有容器因 OOM 被杀", oomTimes: "OOM 被杀 {count} 次", oomAny: "OOM：全部", oomYes: "OOM：有", oomNo: "OOM：无", allPods: "全部 Pod", perPod: "每个 Pod",
    covered: "已覆盖", thin: "覆盖不足 {share}：不会调低任何值", empty: "没有数据行", emptyRun: "没有找到用量", daysEmpty: "{days} 天没有数据行",
    notCollected: "未采集", thinLegend: "低于 {share}",
  },
  money: {
    title: "每月费用", asked: "清单原值", enforced: "运行值", saved: "节省", added: "增加", wouldBe: "管控值全部生效后",
    prices: "每核每小时 {core}，每 GiB 每小时 {gib}", namespaces: "各命名空间节省", of: "{amount}，共 {asked}", trend: "清单原值与运行值，逐日", trendLabel: "{days} 天内的每月节省：第一天 {first}，最后一天 {last}",
  },
};
