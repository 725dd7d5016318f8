/** Why a collected value is what it is (kubedoor/sizing/): what follows the value; and who may not accept what. */
export const SIZING: [RegExp, string][] = [
  [/^pods side by side on (\S+), the peak day$/, "高峰日 $1 同时运行的 Pod 数"],
  [/^P95 of (\S+) was (.+) with (\d+) pods$/, "$1 运行 $3 个 Pod，P95 为 $2"],
  [/^P95 of (\S+) was (.+)$/, "$1 的 P95 为 $2"],
  [/^load of (\S+) was (\d+) × (.+), over (\d+) replicas$/, "$1 的负载为 $2 × $3，由 $4 个副本分担"],
  [/^the maximum seen, since it was OOM-killed (\d+) times?$/, "曾因 OOM 被杀 $1 次，取见过的最大值"],
  [/^the maximum seen, since its limit moves with it$/, "上限随之调整，取见过的最大值"],
  [/^moves with the request, so that the pod stays Guaranteed$/, "与请求一起调整，使 Pod 保持 Guaranteed"],
  [/^usage divided by the HPA's target of (\d+) %$/, "用量除以 HPA 的目标 $1%"],
  [/^cut to its limit (\S+)$/, "截到上限 $1"],
  [/^cut to the (\S+) that the largest node can allocate$/, "截到最大节点可分配的 $1"],
  [/^cut to the (\S+) that the settings allow$/, "截到设置允许的最大值 $1"],
  [/^left alone, since the (\S+) that the largest node can allocate are less$/, "不设置：最大节点只能分配 $1"],
  [/^left alone, since the (\S+) that the settings allow are less$/, "不设置：设置允许的最大值是 $1"],
  [/^moved from (\S+) by the LimitRange (\S+)$/, "由 LimitRange $2 从 $1 调整而来"],
  // Of accepting conditions (kubedoor/workloads/acceptances.py).
  [/^it has no collected values: check the name, or collect first$/, "没有采集值：请检查名称，或先采集"],
  [/^it has none of these conditions$/, "没有所选的状况"],
  [/^nothing of it can be accepted$/, "没有可以接受的状况"],
  [/^none of these is accepted$/, "所选的状况都没有被接受"],
  [/^nothing of it is accepted$/, "没有接受过任何状况"],
  [/^(\S+) is over already$/, "$1 已经过去"],
  [/^(\S+) is too far ahead: without `until`, it is for good$/, "$1 太远了：可以选择一直有效"],
];

export const SIZING_ENDINGS: [RegExp, string][] = [
  [/, raised to the floor$/, "，提高到下限"],
  [/, in whole mebibytes$/, "，向上取整到 Mi"],
];
