/** 会造成伤害的值、未保存的修改、已关闭的管控，以及可复制的块。 */
export default {
  danger: {
    title: "这会结束或杀死 Pod", text: "一旦强制：", confirm: "仍然保存", keep: "继续编辑",
    advice: "这是手工设置的值，只要它还在就会提醒。", cut: "想要 {wanted}，被截到上限", accept: "我知道这会结束或杀死 Pod",
    label: "危险的值", any: "危险的值：全部", yes: "危险的值：有", no: "危险的值：无",
  },
  unsaved: { title: "不保存就离开？", text: "这里的修改还没有保存，离开后会丢失。", keep: "继续编辑", discard: "放弃修改" },
  switchedOff: {
    label: "管控已关闭", title: "管控已关闭。", text: "Deployment 原样放行：这些页面上的值都不会被设置。", by: "关闭者：{who}", nobody: "没有人在这里关闭它：准入 Webhook 的配置是在集群中被删除的。",
    more: "准入与开关", would: "将强制", wouldHint: "管控已关闭：开启后才会设置管控值。", brings: "如果管控开启，重启会带来", due: "管控关闭期间不会有任何变化；开启后，下一次发布会带来管控值。", finding: "管控已关闭", advice: "开启之前，下面所说的都不会发生，只说明开启后会怎样。",
    note: "原因", notePlaceholder: "遇到的人会问，会保存在审计日志里",
  },
  resources: { title: "复制到清单", text: "每个容器的管控值，写成 resources 块。", withheld: "# {field}：暂不执行", none: "这个容器没有管控值。", copy: "复制" },
  restoreVersion: { action: "恢复这个版本", note: "与版本 {version} 相同", current: "当前" },
  pendingPreview: { show: "预演", hide: "收起预演", of: "带着这些修改，一次重启会得到什么", made: "由最新用量日生成：没有可读取的实际 Deployment。", live: "取自集群中的 Deployment。" },
};
