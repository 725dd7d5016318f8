/** 工作负载在集群中的状态，以及页面的刷新。 */
export default {
  live: {
    title: "集群中", column: "实时", any: "实时状态：全部", label: "在集群中的状态", advisedAsOf: "截至 {at}：{advice}", asOf: "截至 {at}", now: "当前",
    ready: "没有 Pod | {count} 个 Pod 中 {ready} 个就绪 | {count} 个 Pod 中 {ready} 个就绪", readyShort: "没有 Pod | {ready}/{count} 就绪 | {ready}/{count} 就绪", rolling: "滚动更新中", desired: "没有 Pod | {count} 个 Pod | {count} 个 Pod",
    state: { applied: "已生效", pending: "待发布", drifted: "已偏离", withheld: "暂不执行", not_enforced: "不强制", absent: "不在集群中", unknown: "未知" },
    hint: {
      applied: "运行的正是管控值。",
      pending: "管控开启时，下一次发布会带来管控值。",
      drifted: "曾按管控值运行，之后被绕过 KubeDoor 修改。下一次重启会纠正。",
      withheld: "可以执行的已经生效，其余因状况暂不执行。",
      not_enforced: "与管控值不同，但 KubeDoor 不处理它：由模式、标签、所有者或命名空间决定。",
      absent: "集群中没有这个 Deployment。",
      unknown: "不知道运行的是什么：没有可读取的集群，准入门也没有见过它。",
    },
    brings: "重启会带来", field: "字段", from: "实时", to: "管控值", isDrifted: "之后被修改",
    over: {
      applied: "此后已经调整：现在运行的正是管控值，下一个采集日会体现出来。",
      pending: "下一次经过准入门的重启会释放差额。", drifted: "下一次经过准入门的重启会释放差额。",
      withheld: "能释放差额的值有些暂不执行。", not_enforced: "KubeDoor 不处理这个工作负载，差额会一直存在。",
      absent: "它已不在集群中。", unknown: "这里不知道它现在请求多少。",
    },
    under: {
      applied: "此后已经调整：现在运行的正是管控值，下一个采集日会体现出来。",
      pending: "它靠别人剩下的资源运行。下一次经过准入门的重启会纠正。", drifted: "它靠别人剩下的资源运行。下一次经过准入门的重启会纠正。",
      withheld: "它靠别人剩下的资源运行，而能改变这一点的值有些暂不执行。", not_enforced: "它靠别人剩下的资源运行，而 KubeDoor 不处理这个工作负载。",
      absent: "它已不在集群中。", unknown: "这里不知道它现在请求多少。",
    },
    unasked: {
      applied: "管控值已经生效，下一个采集日会体现出来。",
      pending: "调度器当它们不占资源。下一次重启时管控值会补上。", drifted: "调度器当它们不占资源。下一次重启时管控值会补上。",
      withheld: "调度器当它们不占资源，而能改变这一点的值有些暂不执行。", not_enforced: "调度器当它们不占资源，而 KubeDoor 不处理这个工作负载。",
      absent: "它已不在集群中。", unknown: "这里不知道它现在请求多少。",
    },
    replicas: "现在 {now} 个，就绪 {ready} 个。{day}：{pods} 个。采集值 {collected}，手工设置 {manual}",
    requestedOn: "请求为 {day} 的；用量为高峰日高峰时的",
  },
  fresh: { changed: "内容已有变化。", changedBy: "{who} 在此期间保存了版本 {version}。", reload: "重新加载", compare: "比较" },
  previewed: { outdated: "已过期", outdatedText: "预演之后，该工作负载已有变化。", again: "重新预演" },
};
