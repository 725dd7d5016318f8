import { BEGINNINGS, ENDINGS, OPERATIONS } from "./said-operations";
import { SIZING, SIZING_ENDINGS } from "./said-sizing";

/**
 * What the server says in English sentences, in Chinese. The API's words are the ones of its logs and of kubectl, so
 * they stay English there; a sentence that is not known here is shown as it came.
 */
const CHINESE: [RegExp, string][] = [
  ...OPERATIONS,
  ...SIZING,
  // Why the door did what it did (kubedoor/admission/rules.py).
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
  [/^unchanged manifest$/, "清单没有改变：不重启"],
  [/^the annotation of what was asked was put back$/, "已放回记录清单原值的注解"],
  [/^KubeDoor: unchanged manifest, requests and limits stay as they run$/, "KubeDoor：清单没有改变，请求和上限保持运行值"],
  [/^KubeDoor: observed: unchanged manifest, requests and limits stay as they run where it is enforced$/, "KubeDoor：仅观察。清单没有改变；执行模式下，请求和上限会保持运行值"],
  [/^KubeDoor: no room in the annotations to remember what was asked \(256 KiB\)$/, "KubeDoor：注解已满（256 KiB），没有记录清单原值"],
  [/^already as it should be$/, "已经符合管控值"],
  [/^mode is observe.*$/, "观察模式：只记录，不修改"],
  [/^KubeDoor: the store is (?:slow or away|slow|away), nothing was set.*$/, "KubeDoor：存储过慢或不可用，没有设置任何值"],
  [/^KubeDoor: internal error, nothing was set.*$/, "KubeDoor：内部错误，没有设置任何值"],
  // The checkup's names.
  [/^store$/, "存储"],
  [/^usage source$/, "用量来源"],
  [/^usage days of the look-back$/, "回看范围内的日期"],
  [/^coverage of the look-back$/, "回看范围的覆盖情况"],
  [/^cluster$/, "集群"],
  [/^cluster label$/, "集群标签"],
  [/^labels of kube-state-metrics$/, "kube-state-metrics 的标签"],
  [/^listed pods$/, "列出的 Pod"],
  [/^permission to (\w+) (\S+)$/, "权限：$1 $2"],
  [/^switch$/, "管控开关"],
  [/^webhook configuration$/, "Webhook 配置"],
  [/^door's certificate$/, "准入门证书"],
  [/^client addresses$/, "客户端地址"],
  [/^first password$/, "初始密码"],
  // Its details.
  [/^embedded, (\d+) workloads in the control table$/, "内嵌存储，管控表中有 $1 个工作负载"],
  [/^ClickHouse, (\d+) workloads in the control table$/, "ClickHouse，管控表中有 $1 个工作负载"],
  [/^sample data: no Prometheus is set, all numbers are made up$/, "示例数据：没有配置 Prometheus，所有数字都是虚构的"],
  [/^(\d+) of (\d+) days are there$/, "$2 天中已有 $1 天"],
  [/^every day is covered$/, "每一天都有覆盖"],
  [/^(\d+) days have samples for less than half of the peak window$/, "有 $1 天的样本不足高峰时段的一半"],
  [/^no cluster is configured.*$/, "没有配置集群（KUBEDOOR_KUBECONFIG）"],
  [/^KubeDoor has no access to the API server of (\S+): it is collected and shown only\. Give it a kubeconfig in (\S+) to act there$/, "KubeDoor 无权访问 $1 的 API server：该集群仅采集和展示，如需操作请在 $2 中提供 kubeconfig"],
  [/^its API server has not answered within (\S+) s$/, "其 API server 在 $1 秒内没有响应"],
  [/^there is no cluster '(.*)' here: there (?:is|are) (.*)$/, "没有集群 $1，现有：$2"],
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
  [/^(\d+) series carry (\S+(?: and \S+)*): their own labels were replaced by those of the scrape job$/, "有 $1 条序列带有 $2：它们自己的标签被抓取任务的标签覆盖了"],
  [/^(\d+) of (\d+) pods with usage are listed$/, "$2 个有用量的 Pod 中，kube-state-metrics 列出了 $1 个"],
  [/^(\S+), version (\S+)$/, "$1，版本 $2"],
  [/^you come from (\S+)$/, "你的地址是 $1"],
  [/^you come by the proxy (\S+), which is not trusted: .*$/, "你经由代理 $1 访问，而它不在受信任之列：经由它的所有人算作同一地址，任何人登录失败 50 次，都会让所有人在 15 分钟内无法登录"],
  [/^(\S+) has never changed the first password$/, "$1 从未修改初始密码"],
  // What to do.
  [/^set KUBEDOOR_TRUSTED_PROXIES \(api\.trustedProxies\) to .*$/, "将 KUBEDOOR_TRUSTED_PROXIES（api.trustedProxies）设为前面所有代理的网段"],
  [/^log in as (\S+) and change it; or make another admin with a local password, and delete \S+$/, "以 $1 登录并修改密码；或先建立另一个使用本地密码的管理员，再删除 $1"],
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
  [/^limits are read from (\S+); without this metric a CPU limit that is not listed there is not known$/, "limits 取自 $1；没有该指标时，其中未列出的 CPU limit 无从得知"],
  [/^(\S+) and (\S+) name the same pods by the labels namespace and pod: look for relabelings .*$/, "$1 与 $2 须用 namespace 和 pod 标签指向相同的 Pod：请检查两个抓取任务中是否有 relabeling 改名或覆盖了它们"],
  [/^bring back the servers behind it; until then days are collected from what the others have, as partial days$/, "请恢复其后端的服务器；在此之前只能采集到其余服务器的数据，这些日期算作只有部分数据"],
  [/^install kube-state-metrics 2.x, scrape it, and do not drop this metric(.*)$/, "安装并抓取 kube-state-metrics 2.x，且不要丢弃该指标$1"],
  [/^check the address, the network policies between, and that it runs$/, "检查地址、网络策略，以及它是否在运行"],
  [/^set the credentials \(bearer token, token file, user\) or the tenant header it wants$/, "设置它要求的凭据（Bearer Token、Token 文件、用户）或租户请求头"],
  // People.
  [/^a user name has up to (\d+) letters, digits and (.+)$/, "用户名最多 $1 个字符，只能包含字母、数字和 $2"],
  [/^a token's name has up to (\d+) letters, digits and (.+)$/, "令牌名称最多 $1 个字符，只能包含字母、数字和 $2"],
  [/^there is a user (\S+) already$/, "已有用户 $1"],
  [/^there is a token (\S+) already: revoke it first, or choose another name$/, "已有令牌 $1：请先吊销它，或换一个名称"],
  [/^a token lasts from (\d+) to (\d+) days$/, "有效期为 $1 到 $2 天"],
  [/^a password has (\d+) to (\d+) characters$/, "密码长度为 $1 到 $2 个字符"],
  [/^the new password must be neither the old one, the default nor the user name$/, "新密码不能与旧密码、默认密码或用户名相同"],
  [/^(\S+) is the last admin with a password here, .*$/, "$1 是最后一名本地管理员，而身份提供方随时可能收回其他管理员的角色：请先将另一名本地用户设为管理员"],
  [/^(\S+) is the last admin: make somebody else an admin first$/, "$1 是最后一名管理员，请先将其他人设为管理员"],
  [/^user (\S+) has been changed since: it has version (\d+)$/, "用户 $1 已被他人修改（现在是版本 $2）"],
  // Collections.
  [/^(\d+) workloads$/, "$1 个工作负载"],
  [/^(\d+) workloads; (\d+) days failed$/, "$1 个工作负载；$2 天失败"],
  [/^(\d+) days$/, "$1 天"],
  [/^(\d+) days left$/, "还剩 $1 天"],
  [/^kept as it was: Prometheus has no usage of this day any more$/, "保持不变：Prometheus 中已没有这一天的用量"],
  [/^kept as it was: Prometheus answered with partial data$/, "保持不变：Prometheus 只返回了部分数据"],
  [/^(?:conflict: )?the store holds usage of a Prometheus, among which sample data has no place: set (\S+), or another (\S+) to try something out$/, "存储中已有来自 Prometheus 的用量，不能混入示例数据：请设置 $1；如要试用，请换一个 $2"],
  [/^no usage in the look-back: collected values kept as they were$/, "回看范围内没有用量：采集值保持不变"],
  // Of Prometheus (kubedoor/collection/prometheus/client.py).
  [/^(\S+) refuses the credentials \((\d+)\): Amazon Managed Prometheus takes .*$/, "$1 拒绝了凭据（$2）：Amazon Managed Prometheus 只接受 SigV4 签名的请求，请在它前面部署 aws-sigv4-proxy，并填写后者的地址"],
  [/^(\S+) refuses the credentials \((\d+)\): Azure Monitor takes .*$/, "$1 拒绝了凭据（$2）：Azure Monitor 只接受 Microsoft Entra 的 Token，请在它前面部署会附加 Token 的代理（aad-auth-proxy），并填写后者的地址"],
  [/^(\S+) refuses the credentials \((\d+)\): Google Managed Prometheus takes .*$/, "$1 拒绝了凭据（$2）：Google Managed Prometheus 只接受 Google OAuth Token，请部署它的 frontend（prometheus-engine/frontend），并填写后者的地址"],
  [/^(\S+) broke the connection in the middle of its answer$/, "$1 在响应途中断开了连接"],
  [/^(\S+) refuses the connection: nothing listens there$/, "$1 拒绝连接：没有服务在监听"],
  [/^(\S+) does not answer within (\S+) seconds$/, "$1 在 $2 秒内没有响应"],
  [/^(\S+) cannot be found: its host name is not known here$/, "找不到 $1：无法解析其主机名"],
  [/^(\S+) cannot be reached$/, "无法访问 $1"],
  [/^(\S+) refuses the credentials \((\d+)\): check token, user and tenant$/, "$1 拒绝了凭据（$2）：请检查 Token、用户和租户"],
  [/^(\S+) shows a certificate that is not trusted or not its own: set the CA file that signed it$/, "$1 的证书不受信任或不属于它：请设置签发它的 CA 文件"],
  [/^(\S+) is not in the control table, or its namespace is excluded$/, "$1 不在管控表中，或其命名空间已排除"],
  // What is wrong with a sheet.
  [/^(\S+) is not in the control table: collect first, or check the name$/, "$1 不在管控表中：请先采集，或检查名称"],
  [/^(.+) is not a quantity: write it like (.*)$/, "$1 不是资源量：请写成 $2"],
  [/^(\S+) is empty$/, "$1 为空"],
  [/^the line has not as many cells as the header$/, "单元格数与表头不一致"],
  [/^line (\d+) is about the same container$/, "与第 $1 行是同一个容器"],
  [/^line (\d+) says (.*) for the same workload$/, "第 $1 行对同一工作负载写的是 $2"],
  [/^(.+) is not a whole number$/, "$1 不是整数"],
  [/^a container's value, and no container is named$/, "填写了容器的值，但没有写容器名"],
  [/^there is no container (.*): there are (.*)$/, "没有容器 $1，现有：$2"],
  [/^mode must be one of (.*)$/, "模式必须是其中之一：$1"],
  [/^replicas must be a whole number from 0 to (\d+)$/, "副本数必须是 0 到 $1 的整数"],
  [/^(cpu|memory)_request (\S+) of container (.*) is above its limit (\S+): .*$/, "容器 $3 的 $1 请求 $2 高于上限 $4：请调低，或同时提高上限"],
  [/^(\S+) must be more than zero and less than (.*)$/, "$1 必须大于零且小于 $2"],
  [/^(\S+) has been edited since: version (\d+) by (.*), yours was based on version (\d+)$/, "$1 已被修改：当前为 $3 的版本 $2，而这一行依据的是版本 $4"],
  [/^the header lacks (.*)$/, "表头缺少 $1"],
  [/^the header has unknown columns: (.*)$/, "表头有未知的列：$1"],
  [/^the header has (.*) more than once$/, "表头中 $1 出现多次"],
  [/^the sheet is not UTF-8: save it as CSV UTF-8$/, "表格不是 UTF-8 编码：请另存为“CSV UTF-8”"],
  [/^the sheet has more than (\d+) lines: split it$/, "表格超过 $1 行：请拆分"],
  [/^the sheet is larger than (.*)$/, "表格大于 $1"],
  [/^the body is larger than (.*)$/, "请求内容大于 $1"],
  [/^line (\d+) is not CSV: (.*)$/, "第 $1 行不是合法的 CSV：$2"],
  // Channels.
  [/^(.+) did not take the message: check its address, and that it is up$/, "$1 没有接收消息：请检查地址以及服务是否正常"],
  [/^(.+) has not answered within (\S+) s$/, "$1 在 $2 秒内没有答复"],
  [/^(\w+)= would be a file of the machine that KubeDoor runs on: leave it out$/, "$1= 会是运行 KubeDoor 的机器上的文件：请去掉"],
  [/^(\S+:\/\/) reaches only the machine that KubeDoor runs on$/, "$1 只能到达运行 KubeDoor 的机器"],
  [/^this is not the address of a channel, such as (.*)$/, "这不是渠道的地址，例如：$1"],
  [/^channel (.*) has been changed by somebody else in the meantime$/, "渠道 $1 在此期间已被他人修改"],
  [/^there are (\d+) channels already: delete some$/, "已有 $1 个渠道：请先删除一些"],
];

/** A sentence of the server's in the reader's language. */
export function said(text: string, locale: string): string {
  if (!locale.startsWith("zh")) return text;
  const [beginning, lead] = BEGINNINGS.find(([known]) => known.test(text)) ?? [];
  if (beginning && lead) {
    const rest = text.replace(beginning, "");
    return text.slice(0, text.length - rest.length).replace(beginning, lead) + said(rest, locale);
  }
  const [ending, tail] = [...ENDINGS, ...SIZING_ENDINGS].find(([known]) => known.test(text)) ?? [];
  if (ending && tail) {
    const front = text.replace(ending, "");
    return said(front, locale) + text.slice(front.length).replace(ending, tail);
  }
  const [pattern, words] = CHINESE.find(([known]) => known.test(text)) ?? [];
  return pattern && words ? text.replace(pattern, words) : text;
}
