/** What the figures of the overview mean, coverage, OOM kills, and money. */
export default {
  figures: {
    asked: "Asked by owners", enforced: "Runs now", wouldBe: "If all was enforced", noDeployments: "Requested on the newest day",
    hint: { asked: "What the manifests of all Deployments ask for", enforced: "What they run with: what the admission webhook has set, else what was asked", wouldBe: "With every control value enforced; a Deployment without one stays as it runs" },
    busiest: "Used on the busiest day, {day}: {amount}, {share} of what was requested then", own: "Each workload on its own heaviest day, added up: {amount}",
    oomKilled: "OOM-killed", oomKilledHint: "A container was OOM-killed in the look-back", oomTimes: "OOM-killed {count}×", oomAny: "OOM-killed: all", oomYes: "OOM-killed", oomNo: "Not OOM-killed", allPods: "all pods", perPod: "per pod",
    covered: "covered", thin: "less than {share} covered: lowers nothing", empty: "no rows", emptyRun: "No usage found", daysEmpty: "{days} without rows",
    notCollected: "not collected", thinLegend: "below {share}",
  },
  money: {
    title: "Cost per month", asked: "Asked by owners", enforced: "Runs now", saved: "Saved", added: "Added", wouldBe: "If all was enforced",
    prices: "{core} a core and {gib} a GiB for an hour", namespaces: "Saved by namespace", of: "{amount} of {asked}", trend: "Asked and running, day by day", trendLabel: "Saved per month over {days} days: {first} on the first, {last} on the last",
  },
};
