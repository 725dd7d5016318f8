/** Several clusters. */
export default {
  clusters: {
    choose: "Cluster: {name}. Choose another",
    home: "home", noAccess: "no access",
    shownOnly: "Collected and shown only: KubeDoor has no access to its API server",
    title: "Clusters", caption: "Clusters, and how each is",
    name: "Cluster", workloads: "Workloads", collected: "Last collection", control: "Enforcement", remark: "Remark",
    never: "Not yet",
    controlOn: "On", controlOff: "Off", controlUnknown: "Not known",
  },
};
