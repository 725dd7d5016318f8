/** 多个页面共用的文字。 */
export default {
  nav: {
    pages: "页面", skip: "跳到正文", login: "登录", overview: "总览", workloads: "工作负载", workload: "工作负载",
    collection: "采集", door: "准入门", checkup: "体检", nowhere: "页面不存在",
    more: "更多", group: { look: "查看", work: "运维", administer: "管理" },
    actions: "操作", schedules: "定时任务", record: "审计日志", documents: "文档", transfer: "导入导出", notifications: "通知", people: "用户与令牌",
  },
  notForYou: { title: "你的角色不能查看此页面", text: "需要的角色：{needed}；你的角色：{role}。管理员可以为你调整角色。" },
  nowhere: { title: "没有这个页面", text: "链接可能来自其他版本，或输入有误。" },
  action: { cancel: "取消", retry: "重试" },
  state: { loading: "加载中" },
  away: { title: "KubeDoor 没有响应。", text: "当前显示的内容可能已过期；每隔几秒会自动重试。" },
  header: { cluster: "集群", sample: "示例数据", language: "语言", theme: "主题", user: "{name} 的账号" },
  theme: { system: "跟随系统", light: "浅色", dark: "深色" },
  user: {
    changePassword: "修改密码", logOut: "退出登录", logOutEverywhere: "退出所有会话",
    everywhereTitle: "退出所有会话？", everywhereText: "你在所有设备上的会话都会结束，包括当前会话；API 令牌不受影响。",
  },
  documents: {
    title: "文档",
    name: {
      operators: "运维人员手册", administrators: "管理员手册", values: "值与状况", glossary: "术语表", gitops: "与 GitOps 一起使用", cli: "命令行", settings: "设置项", api: "API 接口", clusters: "多个集群",
      people: "用户与令牌", operations: "操作详解", production: "生产部署", limits: "已知局限", performance: "性能", architecture: "架构", dependencies: "依赖",
    },
  },
  palette: { title: "前往页面或工作负载", placeholder: "页面、工作负载或命名空间", pages: "页面", workloads: "工作负载", none: "没有这样的名称。" },
  help: {
    title: "帮助", links: "文档与 API", documents: "文档", api: "API（OpenAPI）", version: "版本 {version}", search: "搜索术语", here: "本页的词", others: "其他的词", none: "没有符合条件的词。",
    keys: { title: "快捷键", palette: "前往页面或工作负载", search: "在本页搜索", help: "打开帮助" },
  },
  role: { admin: "管理员", operator: "运维人员", viewer: "只读用户" },
  sample: { title: "示例数据。", text: "没有配置 Prometheus，所有用量都是虚构的。设置 KUBEDOOR_PROMETHEUS_URL 后即可看到自己的 Deployment。" },
  password: {
    stillFirst: "仍在使用初始密码。",
    old: "当前密码", new: "新密码", again: "再次输入新密码", save: "设置密码", done: "密码已修改，其他会话已失效。",
    short: "至少 {count} 个字符", differ: "两次输入不一致", wrong: "当前密码不正确",
  },
  switch: {
    name: "管控状态", on: "已开启", off: "已关闭", unknown: "未知", loading: "…",
    onHint: "每个重启或扩缩容的 Deployment 都会被设置为管控值。点击关闭。",
    offHint: "Deployment 原样放行。点击开启。",
    loadingHint: "正在询问集群",
    unknownReason: "集群没有给出状态：{reason}",
    viewer: "只有管理员可以切换。",
    what: { webhook: "它的准入 Webhook", native: "它的原生策略", both: "它的原生策略和准入 Webhook" },
    turnOn: {
      title: "开启管控？", intro: "KubeDoor 会在集群 {cluster} 中注册{what}。此后：",
      points: [
        "新建或重启的 Deployment 会被设置为管控值：副本数、requests 和 limits。同一份清单再次提交，不会改变任何值，也不会重启。",
        "被扩缩容的 Deployment，无论由谁操作，副本数都会设为管控值；HPA 不受影响，发布不会改变它的副本数。",
        "现在不会有任何重启：运行中的 Pod 保持原样，直到有人重启或扩缩容。",
      ],
      away: {
        webhook: "如果 KubeDoor 不可用，API server 按所配置的失败策略处理。",
        native: "如果 KubeDoor 不可用，API server 继续按当时的管控值执行。用户不会收到提示，也没有记录。",
        both: "如果 KubeDoor 不可用，API server 继续按当时的管控值执行；其间用户不会收到提示。",
      },
      confirm: "开启", done: "管控已开启",
    },
    turnOff: {
      title: "关闭管控？", intro: "KubeDoor 会从集群 {cluster} 中移除{what}。此后：",
      points: [
        "每个 Deployment 都按清单中的副本数和资源放行。",
        "现在不会有任何重启：已经设置的值会保留到下一次发布。",
        "管控值和采集结果都会保留；再次开启后继续使用。",
      ],
      giveBack: "不再使用管控：关闭后恢复清单原值", giveBackHint: "有 {count} 个工作负载以准入门设置的值运行。关闭后会打开恢复操作并显示计划；在那里确认之前不会有任何重启。",
      confirm: "关闭", done: "管控已关闭",
    },
  },
  unit: {
    cores: "{number} 核", millicores: "{number} 毫核（{written}）", bytes: "{number} 字节（{written}）", notSet: "未设置",
    date: "{of}：日期", time: "{of}：时间（24 小时制）", zone: "时间为 {zone}", seconds: "{seconds} 秒",
  },
  resource: { cpu: "CPU", memory: "内存" },
  bar: {
    used: "高峰用量 {amount}", asked: "请求 {amount}", control: "管控值 {amount}", limit: "上限 {amount}",
    usedName: "高峰用量", askedName: "请求值", controlName: "管控值", limitName: "上限",
  },
  legend: { used: "高峰用量", asked: "请求值", over: "请求过多", beyond: "超出请求的用量", control: "管控值", hand: "手工设置", limit: "上限", replaced: "清单原值 → 运行值" },
  mode: {
    enforce: "强制", observe: "观察", off: "关闭",
    enforceHint: "准入门会设置管控值。", observeHint: "准入门只记录本来会怎么做。", offHint: "准入门不处理这个工作负载。",
  },
  source: { manual: "手工", collected: "采集", running: "运行值" },
  field: { mode: "模式", replicas: "副本数", cpu_request: "CPU 请求", cpu_limit: "CPU 上限", memory_request: "内存请求", memory_limit: "内存上限", added: "加入管控表，模式" },
  outcome: {
    patched: "已修改", unchanged: "未变", observed: "仅观察", ignored: "不处理", unknown: "未知负载", denied: "已拒绝", failed: "出错",
    patchedHint: "准入门设置了管控值。", unchangedHint: "无需修改：本来就符合，或清单没有改变，不会重启。", observedHint: "观察模式：本来会修改，实际没有。",
    ignoredHint: "不归 KubeDoor 管。", unknownHint: "还不在管控表中。", deniedHint: "请求被拒绝。", failedHint: "KubeDoor 自身出错；除非另有设置，请求已放行。",
  },
  operation: { CREATE: "新建", UPDATE: "更新", scale: "扩缩容" },
  admission: { at: "时间", what: "请求与操作者", outcome: "结果", changes: "之前 → 之后", why: "原因", anyOutcome: "全部结果" },
  error: {
    no_cluster_access: "KubeDoor 无权访问该集群", away: "KubeDoor 没有响应", internal: "KubeDoor 内部错误", unauthorized: "尚未登录", forbidden: "没有权限", not_found: "不存在",
    conflict: "已有其他人或任务先行一步", invalid_input: "输入的值不正确", invalid_quantity: "不是合法的资源量", store: "存储没有响应", cluster: "集群没有响应",
    prometheus: "无法读取 Prometheus", prometheus_unreachable: "无法连接 Prometheus", prometheus_refused: "Prometheus 拒绝了凭据", prometheus_not_understood: "无法理解 Prometheus 的回答",
    query_too_large: "查询量超出 Prometheus 的限制", not_delivered: "渠道没有接收", bad_request: "请求无法解析", too_large: "发送的内容过大", unknown: "出错了（状态码 {status}）",
  },
};
