/** 工作负载的状况：说明什么、哪些值因此暂不执行、由谁接受。 */
export default {
  condition: {
    title: "状况", none: "没有需要留意的状况：采集值都可以放心强制，准入门会全部设置。",
    since: "始于", told: "不影响执行，仅供了解。",
    withholds: "暂不执行：", accepted: "已接受：", andMore: "另有 {count} 项", hint: "{name}：{sentence}", comma: "、",
    withheld: "暂不执行", withheldHint: "因“{names}”暂不执行：准入门保持清单里的原值。", asWritten: "暂不执行：已采集但不设置，准入门保持清单里的原值。",
    withheldCount: "{count} 项暂不执行", withheldCountHint: "{count} 个值暂不执行，保持清单里的原值。{names}", count: "{count} 项状况",
    waits: "等你决定：这些状况可以接受。", notAcceptable: "修改设置或集群本身改变之后才会解除。",
    any: "全部状况", label: "状况", withheldAny: "暂不执行：全部", withheldYes: "暂不执行：有", withheldNo: "暂不执行：无", withheldWaiting: "暂不执行：等人决定", withheldLabel: "暂不执行的值",
    field: { replicas: "副本数", cpu_request: "CPU 请求", memory_request: "内存请求", cpu_limit: "CPU 上限", memory_limit: "内存上限" },
    name: {
      ShortHistory: "历史太短", LowCoverage: "样本不足", PartialData: "数据不完整", PodsNotSeen: "部分 Pod 未采到", ImplausibleUsage: "有不合理的样本",
      OOMKilled: "OOM 被杀", HorizontalPodAutoscaler: "HPA 按使用率扩缩", VerticalPodAutoscaler: "由 VPA 调整", LimitRange: "受 LimitRange 约束", ResourceQuota: "配额不够",
      NodeTooSmall: "节点放不下", GuaranteedQoS: "Guaranteed 等级", Imbalanced: "负载不均", LargeChange: "变化过大",
    },
    /** 按类型和原因，与 kubedoor/sizing 一致。 */
    sentence: {
      ShortHistory: {
        TooFewDays: "只有 {days} 天完整的用量；不满 {wanted} 天，不会调低任何值。",
        TooFewDaysOfContainer: "{container} 只有 {days} 天完整的用量；不满 {wanted} 天，不会调低它的任何值。",
      },
      LowCoverage: { TooFewSamples: "样本最全的一天（{container}，{day}）也只覆盖高峰时段的 {share}，至少需要 {wanted}。" },
      PodsNotSeen: { PodsWithoutUsage: "最好的一天（{container}，{day}）也只有 {share} 的 Pod 有样本，至少需要 {wanted}：其余 Pod 所在的节点可能没有被抓取。" },
      PartialData: { PartialAnswer: "没有一天是完整的，{day} 的数据不全：Prometheus 只返回了部分数据，或者 kube-state-metrics 只列出了部分 Pod。" },
      ImplausibleUsage: { SamplesDropped: "剔除了 {samples} 个这类容器不可能达到的样本，其中 {container} 在 {day} 最多。" },
      OOMKilled: {
        KilledForMemory: "{container} 因 OOM 被杀 {kills} 次，最近一次在 {day}，内存上限为 {limit}：请设为 {proposed_limit} 或更高。",
        KilledForMemoryNoLimit: "{container} 因 OOM 被杀 {kills} 次，最近一次在 {day}：不会调低它的内存请求。",
      },
      HorizontalPodAutoscaler: {
        ScalesOnUtilization: "HPA 以{request}的 {percent}% 为目标扩缩容：请求如果跟着用量走，副本数又会跟着请求变。",
        TargetUnknown: "读不到 HPA 的扩缩容目标，可能是{request}：请求如果跟着用量走，副本数又会跟着请求变。",
      },
      VerticalPodAutoscaler: { AnotherSizes: "VPA 正以 {mode} 模式调整它的 Pod：Pod 实际的请求值并不是 Deployment 里写的。" },
      LimitRange: {
        Moved: "{container} 的{request}由 {before} 改为 {after}，以符合 LimitRange {limit_range}。",
        Impossible: "{container} 的{request}在不超过上限的前提下无法符合 LimitRange {limit_range}：保持清单里的原值。",
        ImpossibleOfPod: "整个 Pod 的{request}会达到 {needed}，而 LimitRange {limit_range} 最多允许 {largest}。",
      },
      ResourceQuota: { WouldExceed: "整个命名空间的{request}会达到 {needed}，而 ResourceQuota {quota} 只允许 {allowed}：不会调高任何值。" },
      NodeTooSmall: { LargerThanAnyNode: "{container} 的{request}需要 {needed}，而最多只能有 {largest}。" },
      GuaranteedQoS: { ClassWouldBeLost: "它的 Pod 属于 Guaranteed 等级（{container} 的{request}与上限同为 {asked}），只调低请求会降为 Burstable。" },
      Imbalanced: { HottestPod: "{day}，{container} 最忙的 Pod 用了 {hottest}，而平均只有 {mean}：{request}设为 {hottest} 才够它用。" },
      LargeChange: {
        MoreThanAllowed: "{container} 的{field}会从 {before} 变为 {after}，变化超过 {percent}%。",
        MoreThanAllowedReplicas: "副本数会从 {before} 变为 {after}，变化超过 {percent}%。",
      },
    },
  },
  accept: {
    action: "接受", all: "全部接受", actionOf: "接受：{name}", hint: "让准入门设置因这些状况而暂不执行的值", title: "接受 {name} 的状况", titleMany: "接受 {count} 个工作负载的状况",
    intro: "接受之后，管控开启时，这些 Deployment 下一次重启或扩缩容就会设置原先暂不执行的值。",
    which: "接受哪些状况", ofWorkloads: "{count} 个工作负载", nothing: "所选的工作负载都没有可以接受的状况。",
    others: "{count} 个工作负载没有可以接受的状况，保持不变。",
    howLong: "多长时间", forGood: "一直有效", untilDate: "到某一天为止", date: "最后一天", dateHint: "到当天结束为止（{zone}），之后又会暂不执行。", inDays: "{count} 天",
    past: "这一天已经过去。", note: "备注", notePlaceholder: "为什么可以接受？会留在审计日志中", confirm: "接受 {count} 个工作负载",
    done: "已接受 {count} 个工作负载的状况", skipped: "{count} 个工作负载没有接受",
    by: "{who} 已接受", good: "一直有效", until: "有效期至", ended: "{who} 的接受已到期",
    withdraw: "撤回", withdrawOf: "撤回接受：{name}", withdrawTitle: "撤回接受？", withdrawText: "从下一次发布起，因“{name}”暂不执行的值又会保持清单里的原值。", withdrawConfirm: "确认撤回", withdrawn: "已撤回",
    ahead: "已接受，但目前没有出现", failed: "无法载入由谁接受。",
  },
};
