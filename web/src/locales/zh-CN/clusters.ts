/** 多集群。 */
export default {
  clusters: {
    choose: "集群：{name}，点击切换",
    home: "本地", noAccess: "无访问权限",
    shownOnly: "仅采集和展示：KubeDoor 无权访问其 API server",
    title: "集群", caption: "各集群的状态",
    name: "集群", workloads: "工作负载", collected: "最近一次采集", control: "管控", remark: "备注",
    never: "尚未采集",
    controlOn: "已开启", controlOff: "已关闭", controlUnknown: "未知",
  },
};
