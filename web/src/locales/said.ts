/**
 * What the server says in English sentences, in Chinese. The API's words are the ones of its logs and of kubectl, so
 * they stay English there; a sentence that is not known here is shown as it came.
 */
const CHINESE: [RegExp, string][] = [
  // Why the door did what it did (kubedoor/admission.py).
  [/^control values were set$/, "已设置管控值"],
  [/^neither a restart nor a change of replicas$/, "既没有重启，也没有改变副本数"],
  [/^not a Deployment$/, "不是 Deployment"],
  [/^nothing is set on (\w+)$/, "$1 操作不做设置"],
  [/^namespace (\S+) is excluded$/, "命名空间 $1 已排除"],
  [/^the Deployment is owned by a controller$/, "该 Deployment 由控制器管理"],
  [/^the Deployment is labelled (\S+): "off"$/, "该 Deployment 带有标签 $1: \"off\""],
  [/^replicas are the HPA's$/, "副本数由 HPA 决定"],
  [/^mode is off$/, "模式为关闭"],
  [/^not in the control table$/, "不在管控表中"],
  [/^already as it should be$/, "已经符合管控值"],
  [/^mode is observe.*$/, "观察模式：只记录，不修改"],
  [/^KubeDoor: the store is away, nothing was set.*$/, "KubeDoor：存储不可用，没有设置任何值"],
  [/^KubeDoor: internal error, nothing was set.*$/, "KubeDoor：内部错误，没有设置任何值"],
  // The checkup's names.
  [/^store$/, "存储"],
  [/^usage source$/, "用量来源"],
  [/^usage days of the look-back$/, "回看范围内的日期"],
  [/^coverage of the look-back$/, "回看范围的覆盖情况"],
  [/^cluster$/, "集群"],
  [/^cluster label$/, "集群标签"],
  [/^labels of kube-state-metrics$/, "kube-state-metrics 的标签"],
  [/^permission to (\w+) (\S+)$/, "权限：$1 $2"],
  [/^switch$/, "管控开关"],
  [/^webhook configuration$/, "Webhook 配置"],
  [/^door's certificate$/, "准入门证书"],
  // Its details.
  [/^embedded, (\d+) workloads in the control table$/, "内嵌存储，管控表中有 $1 个工作负载"],
  [/^ClickHouse, (\d+) workloads in the control table$/, "ClickHouse，管控表中有 $1 个工作负载"],
  [/^sample data: no Prometheus is set, all numbers are made up$/, "示例数据：没有配置 Prometheus，所有数字都是虚构的"],
  [/^(\d+) of (\d+) days are there$/, "$2 天中已有 $1 天"],
  [/^every day is covered$/, "每一天都有覆盖"],
  [/^(\d+) days have samples for less than half of the peak window$/, "有 $1 天的样本不足高峰时段的一半"],
  [/^no cluster is configured.*$/, "没有配置集群（KUBEDOOR_KUBECONFIG）"],
  [/^the API server does not answer$/, "API server 没有响应"],
  [/^not known: no cluster is configured.*$/, "未知：没有配置集群"],
  [/^not known: (.*)$/, "未知：$1"],
  [/^control is on$/, "管控已开启"],
  [/^control is off$/, "管控已关闭"],
  [/^allowed$/, "已允许"],
  [/^not allowed$/, "未允许"],
  [/^ends in (-?\d+) days$/, "还有 $1 天到期"],
  [/^it is not as this version would make it$/, "与当前版本会生成的不一致"],
  [/^(\d+) series in the last hour$/, "最近一小时有 $1 条序列"],
  [/^no series in the last hour \(needed\)$/, "最近一小时没有序列（必需）"],
  [/^no series in the last hour \(wanted\)$/, "最近一小时没有序列（需要）"],
  [/^no series in the last hour \(optional\)$/, "最近一小时没有序列（可选）"],
  [/^series in the last hour with (.*)$/, "最近一小时有 $1 的序列"],
  [/^no series in the last hour with (.*)$/, "最近一小时没有 $1 的序列"],
  [/^as they should be$/, "正确"],
  [/^(\S+), version (\S+)$/, "$1，版本 $2"],
  // What to do.
  [/^set the address of your Prometheus to see your own Deployments$/, "设置 Prometheus 的地址，即可看到自己的 Deployment"],
  [/^set KUBEDOOR_KUBECONFIG, or run KubeDoor in the cluster$/, "设置 KUBEDOOR_KUBECONFIG，或在集群中运行 KubeDoor"],
  [/^see the cluster's checks$/, "见集群的检查项"],
  [/^collect: POST \/api\/v1\/collect, or let the CronJob do it$/, "采集：在采集页启动，或由 CronJob 执行"],
  [/^look at Prometheus for (\S+), then collect that day anew$/, "检查 Prometheus 在 $1 的数据，然后重新采集这一天"],
  [/^switch control off and on again$/, "关闭管控后再开启"],
  [/^renew it; a new file is used without a restart$/, "请更新证书；新文件无需重启即可生效"],
  [/^put this right, then look again$/, "修复后重新检查"],
  [/^allow it in KubeDoor's ClusterRole: (.*)$/, "在 KubeDoor 的 ClusterRole 中允许：$1"],
  [/^set honor_labels: true in the scrape job of kube-state-metrics$/, "在 kube-state-metrics 的抓取任务中设置 honor_labels: true"],
  [/^scrape the kubelets' \/metrics\/cadvisor, and do not drop this metric(.*)$/, "抓取 kubelet 的 /metrics/cadvisor，且不要丢弃该指标$1"],
  [/^install kube-state-metrics 2.x, scrape it, and do not drop this metric(.*)$/, "安装并抓取 kube-state-metrics 2.x，且不要丢弃该指标$1"],
  [/^check the address, the network policies between, and that it runs$/, "检查地址、网络策略，以及它是否在运行"],
  [/^set the credentials \(bearer token, token file, user\) or the tenant header it wants$/, "设置它要求的凭据（Bearer Token、Token 文件、用户）或租户请求头"],
  // Collections.
  [/^(\d+) workloads$/, "$1 个工作负载"],
  [/^(\d+) workloads; (\d+) days failed$/, "$1 个工作负载；$2 天失败"],
  [/^(\d+) days$/, "$1 天"],
  [/^(\d+) days left$/, "还剩 $1 天"],
  [/^no usage in the look-back: collected values kept as they were$/, "回看范围内没有用量：采集值保持不变"],
];

/** A sentence of the server's in the reader's language. */
export function said(text: string, locale: string): string {
  if (!locale.startsWith("zh")) return text;
  const [pattern, words] = CHINESE.find(([known]) => known.test(text)) ?? [];
  return pattern && words ? text.replace(pattern, words) : text;
}
