/** How a workload stands in the cluster, and pages that stay fresh. */
export default {
  live: {
    title: "In the cluster", column: "Live", any: "Live state: all", label: "State in the cluster", asOf: "as of {at}", advisedAsOf: "As of {at}: {advice}", now: "now",
    ready: "no pods | {ready} of {count} pod ready | {ready} of {count} pods ready", readyShort: "no pods | {ready} of {count} ready | {ready} of {count} ready", rolling: "rolling out", desired: "no pods | {count} pod | {count} pods",
    state: { applied: "Applied", pending: "Pending", drifted: "Drifted", withheld: "Withheld", not_enforced: "Not enforced", absent: "Not in the cluster", unknown: "Unknown" },
    hint: {
      applied: "It runs as its control values say.",
      pending: "Its next release, with enforcement on, brings its control values.",
      drifted: "It ran as its control values say, and has been changed past KubeDoor since. The next restart puts that right.",
      withheld: "What may be enforced runs; conditions withhold the rest.",
      not_enforced: "It differs from its control values, and KubeDoor leaves it alone: its mode, its label, its owner or its namespace says so.",
      absent: "There is no such Deployment in the cluster.",
      unknown: "It is not known what runs: there is no cluster to read, and the door has not seen it.",
    },
    brings: "A restart would bring", field: "Field", from: "Live", to: "Control", isDrifted: "changed since",
    over: {
      applied: "It has been sized since: what runs now is what its control values say. The next collected day will show it.",
      pending: "The next restart through the door frees the difference.", drifted: "The next restart through the door frees the difference.",
      withheld: "Conditions withhold values that would free the difference.", not_enforced: "KubeDoor leaves this workload alone, so the difference stays.",
      absent: "It is not in the cluster any more.", unknown: "What it requests today is not known here.",
    },
    under: {
      applied: "It has been sized since: what runs now is what its control values say. The next collected day will show it.",
      pending: "It lives on what others leave. The next restart through the door puts that right.", drifted: "It lives on what others leave. The next restart through the door puts that right.",
      withheld: "It lives on what others leave, and conditions withhold values that would change that.", not_enforced: "It lives on what others leave, and KubeDoor leaves this workload alone.",
      absent: "It is not in the cluster any more.", unknown: "What it requests today is not known here.",
    },
    unasked: {
      applied: "Its control values run now; the next collected day will show it.",
      pending: "The scheduler takes them for nothing. Control values give them a request at the next restart.", drifted: "The scheduler takes them for nothing. Control values give them a request at the next restart.",
      withheld: "The scheduler takes them for nothing, and conditions withhold values that would change that.", not_enforced: "The scheduler takes them for nothing, and KubeDoor leaves this workload alone.",
      absent: "It is not in the cluster any more.", unknown: "What it requests today is not known here.",
    },
    replicas: "Now {now}, ready {ready}. On {day}: {pods}. Collected {collected}, by hand {manual}",
    requestedOn: "Requested on {day}; used at the peak of the peak day",
  },
  fresh: { changed: "Changed meanwhile.", changedBy: "{who} has saved version {version} meanwhile.", reload: "Reload", compare: "Compare" },
  previewed: { outdated: "Out of date", outdatedText: "The workload has changed since this preview." , again: "Preview again" },
};
