/** Words that several pages use. */
export default {
  nav: {
    pages: "Pages", skip: "Skip to content", login: "Log in", overview: "Overview", workloads: "Workloads", workload: "Workload",
    collection: "Collection", door: "Door", checkup: "Checkup", nowhere: "Not found",
    more: "More", group: { look: "Look", work: "Work", administer: "Administer" },
    actions: "Actions", schedules: "Schedules", record: "Audit log", documents: "Documents", transfer: "Import and export", notifications: "Notifications", people: "People",
  },
  notForYou: { title: "Your role may not see this page", text: "It needs the role {needed}; yours is {role}. An administrator can give you another." },
  nowhere: { title: "There is no such page", text: "The link may be from another version, or mistyped." },
  action: { cancel: "Cancel", retry: "Try again" },
  state: { loading: "Loading" },
  away: { title: "KubeDoor does not answer.", text: "What you see may be out of date; it is asked again every few seconds." },
  header: { cluster: "Cluster", sample: "Sample data", language: "Language", theme: "Theme", user: "Account of {name}" },
  theme: { system: "As the system", light: "Light", dark: "Dark" },
  user: {
    changePassword: "Change password", logOut: "Log out", logOutEverywhere: "Log out everywhere",
    everywhereTitle: "Log out everywhere?", everywhereText: "Every session of yours ends, on every device, this one too. API tokens go on working.",
  },
  documents: {
    title: "Documents",
    name: {
      operators: "For operators", administrators: "For administrators", values: "Values and conditions", glossary: "Glossary", gitops: "GitOps", cli: "Command line", settings: "Settings", api: "API", clusters: "Several clusters",
      people: "People and tokens", operations: "Actions in detail", production: "Production", limits: "Known limits", performance: "Performance", architecture: "Architecture", dependencies: "Dependencies",
    },
  },
  palette: { title: "Go to a page or a workload", placeholder: "Page, workload or namespace", pages: "Pages", workloads: "Workloads", none: "Nothing is called so." },
  help: {
    title: "Help", links: "Documents and API", documents: "Documents", api: "API (OpenAPI)", version: "Version {version}", search: "Search words", here: "Words of this page", others: "Other words", none: "No word matches.",
    keys: { title: "Keys", palette: "Go to a page or a workload", search: "Search on this page", help: "This help" },
  },
  role: { admin: "Administrator", operator: "Operator", viewer: "Viewer" },
  sample: {
    title: "Sample data.",
    text: "No Prometheus is set, so all usage is made up. Set KUBEDOOR_PROMETHEUS_URL to see your own Deployments.",
  },
  password: {
    stillFirst: "The first password is still in use.",
    old: "Current password", new: "New password", again: "New password again", save: "Set password", done: "The password is changed; other sessions have ended.",
    short: "At least {count} characters", differ: "The two are not the same", wrong: "The current password is wrong",
  },
  switch: {
    name: "Enforcement", on: "On", off: "Off", unknown: "Unknown", loading: "…",
    onHint: "The door sets control values on every Deployment that restarts or scales. Click to switch off.",
    offHint: "Deployments pass as they are. Click to switch on.",
    loadingHint: "Asking the cluster",
    unknownReason: "The cluster does not say: {reason}",
    viewer: "Only administrators may switch.",
    what: { webhook: "its admission webhook", native: "its native policies", both: "its native policies and its admission webhook" },
    turnOn: {
      title: "Switch enforcement on?", intro: "KubeDoor registers {what} in cluster {cluster}. From then on:",
      points: [
        "A Deployment that is created or restarted gets the control values: replicas, requests and limits. The same manifest sent once more changes and restarts nothing.",
        "A Deployment that is scaled gets the control value's replicas, whoever scales it. An HPA goes on undisturbed: a release does not change its number.",
        "Nothing restarts now: running pods stay as they are until somebody restarts or scales them.",
      ],
      away: {
        webhook: "If KubeDoor is away, the API server goes by the configured failure policy.",
        native: "If KubeDoor is away, the API server goes on with the control values of then. Users are not told, and nothing is recorded.",
        both: "If KubeDoor is away, the API server goes on with the control values of then; users are not told meanwhile.",
      },
      confirm: "Switch on", done: "Enforcement is on",
    },
    turnOff: {
      title: "Switch enforcement off?", intro: "KubeDoor removes {what} from cluster {cluster}. From then on:",
      points: [
        "Every Deployment passes with the replicas and resources its manifest says.",
        "Nothing restarts now: what the door has set stays until the owner's next release.",
        "Control values and collections are kept; switching on again goes on from them.",
      ],
      giveBack: "Switching off for good: give owners back what they asked", giveBackHint: "{count} workload runs with what the door has set. Afterwards the action that restores it opens with its plan; nothing restarts before you confirm it there. | {count} workloads run with what the door has set. Afterwards the action that restores them opens with its plan; nothing restarts before you confirm it there.",
      confirm: "Switch off", done: "Enforcement is off",
    },
  },
  unit: {
    cores: "{number} core | {number} cores", millicores: "{number} millicores ({written})", bytes: "{number} bytes ({written})", notSet: "not set",
    date: "{of}: date", time: "{of}: time, 24 hours", zone: "times in {zone}", seconds: "{seconds} s",
  },
  resource: { cpu: "CPU", memory: "Memory" },
  bar: {
    used: "{amount} used at peak", asked: "{amount} requested", control: "control value {amount}", limit: "limit {amount}",
    usedName: "Used at peak", askedName: "Requested", controlName: "Control value", limitName: "Limit",
  },
  legend: { used: "Used at peak", asked: "Requested", over: "Over-requested", beyond: "Used beyond the request", control: "Control value", hand: "Set by hand", limit: "Limit", replaced: "Asked by the owner → runs" },
  mode: {
    enforce: "Enforce", observe: "Observe", off: "Off",
    enforceHint: "The door sets the control values.", observeHint: "The door only records what it would have done.", offHint: "The door leaves this workload alone.",
  },
  source: { manual: "by hand", collected: "collected", running: "as it runs" },
  field: { mode: "Mode", replicas: "Replicas", cpu_request: "CPU request", cpu_limit: "CPU limit", memory_request: "Memory request", memory_limit: "Memory limit", added: "Added, with mode" },
  outcome: {
    patched: "Changed", unchanged: "Unchanged", observed: "Observed", ignored: "Left alone", unknown: "Unknown workload", denied: "Denied", failed: "Failed",
    patchedHint: "The door set control values.", unchangedHint: "Nothing was due: it was as it should be, or an unchanged manifest, which restarts nothing.", observedHint: "Mode observe: would have been changed, was not.",
    ignoredHint: "Not KubeDoor's business.", unknownHint: "Not in the control table yet.", deniedHint: "The request was refused.", failedHint: "KubeDoor's own fault; the request passed unless settings say otherwise.",
  },
  operation: { CREATE: "Created", UPDATE: "Updated", scale: "Scaled" },
  admission: { at: "Time", what: "Request, by", outcome: "Outcome", changes: "Before → after", why: "Why", anyOutcome: "Any outcome" },
  error: {
    no_cluster_access: "KubeDoor has no access to this cluster", away: "KubeDoor does not answer", internal: "KubeDoor made a mistake", unauthorized: "You are not logged in", forbidden: "You may not do that", not_found: "It is not there",
    conflict: "Somebody or something else was first", invalid_input: "A value is not right", invalid_quantity: "That is not a quantity", store: "The store does not answer", cluster: "The cluster does not answer",
    prometheus: "Prometheus cannot be read", prometheus_unreachable: "Prometheus cannot be reached", prometheus_refused: "Prometheus refuses the credentials", prometheus_not_understood: "Prometheus' answer makes no sense",
    query_too_large: "The query is too large for Prometheus", not_delivered: "The channel did not take it", bad_request: "The request could not be read", too_large: "What was sent is too large", unknown: "Something went wrong (status {status})",
  },
};
