/** Conditions of workloads: what they say, what they withhold, who accepts them. */
export default {
  condition: {
    title: "Conditions", none: "Nothing speaks against the collected values: the door sets all of them.",
    since: "since", told: "Withholds nothing; told so that you know.",
    withholds: "Withheld:", accepted: "Accepted:", andMore: "and {count} more", hint: "{name}: {sentence}", comma: ", ",
    withheld: "withheld", withheldHint: "Withheld by {names}: the door leaves it as the owner wrote it.", asWritten: "Withheld: collected, and not set. The door leaves what the owner wrote.",
    withheldCount: "{count} withheld", withheldCountHint: "Values that the door leaves as their owner wrote them: {count}. {names}", count: "{count} condition | {count} conditions",
    waits: "Waits for you: these conditions can be accepted.", notAcceptable: "Ends by a setting, or when the cluster is changed.",
    any: "Any condition", label: "Condition", withheldAny: "Withheld values: all", withheldYes: "With withheld values", withheldNo: "Nothing withheld", withheldWaiting: "Waiting for somebody", withheldLabel: "Withheld values",
    field: { replicas: "replicas", cpu_request: "CPU request", memory_request: "memory request", cpu_limit: "CPU limit", memory_limit: "memory limit" },
    name: {
      ShortHistory: "Short history", LowCoverage: "Low coverage", PartialData: "Partial data", PodsNotSeen: "Pods not seen", ImplausibleUsage: "Implausible usage",
      OOMKilled: "OOM-killed", HorizontalPodAutoscaler: "HPA on utilization", VerticalPodAutoscaler: "VPA acts", LimitRange: "LimitRange applies", ResourceQuota: "Quota too small",
      NodeTooSmall: "Node too small", GuaranteedQoS: "Guaranteed QoS", Imbalanced: "Imbalanced", LargeChange: "Large change",
    },
    /** By type and reason, as kubedoor/sizing says them; in English the server's own sentence is shown where there is one. */
    sentence: {
      ShortHistory: {
        TooFewDays: "Whole days of usage: {days}, and {wanted} are wanted before anything is lowered.",
        TooFewDaysOfContainer: "Whole days of usage of {container}: {days}, and {wanted} are wanted before anything is lowered.",
      },
      LowCoverage: { TooFewSamples: "At best {share} of the window have samples ({container}, {day}), and {wanted} are wanted." },
      PodsNotSeen: { PodsWithoutUsage: "At best {share} of the listed pods have samples ({container}, {day}), and {wanted} are wanted: the others' nodes may not be scraped." },
      PartialData: { PartialAnswer: "There is no whole day, and {day} is partial: Prometheus answered with a part of its data, or kube-state-metrics listed a part of the pods." },
      ImplausibleUsage: { SamplesDropped: "Samples that no container of its kind can use were dropped: {samples}, most of them of {container} on {day}." },
      OOMKilled: {
        KilledForMemory: "{container} was OOM-killed, last on {day} ({kills}×), at a memory limit of {limit}: set {proposed_limit} or more.",
        KilledForMemoryNoLimit: "{container} was OOM-killed, last on {day} ({kills}×): its memory request is not lowered.",
      },
      HorizontalPodAutoscaler: {
        ScalesOnUtilization: "A HorizontalPodAutoscaler scales it on {percent} % of its {request}: a request that follows usage would scale it again.",
        TargetUnknown: "A HorizontalPodAutoscaler scales it on what nobody could read, perhaps its {request}: a request that follows usage would scale it again.",
      },
      VerticalPodAutoscaler: { AnotherSizes: "A VerticalPodAutoscaler in mode {mode} sizes its pods: what they ask for is not what the Deployment says." },
      LimitRange: {
        Moved: "The {request} of {container} is {after} instead of {before}: LimitRange {limit_range} wants it so.",
        Impossible: "No {request} of {container} below its limit satisfies LimitRange {limit_range}: the field is left as its owner wrote it.",
        ImpossibleOfPod: "The pod would have a {request} of {needed}, and LimitRange {limit_range} allows {largest}.",
      },
      ResourceQuota: { WouldExceed: "The namespace would have a {request} of {needed} in all, and the ResourceQuota {quota} allows {allowed}: nothing is raised." },
      NodeTooSmall: { LargerThanAnyNode: "{container} would need a {request} of {needed}, and {largest} is the most that is possible." },
      GuaranteedQoS: { ClassWouldBeLost: "Its pods are Guaranteed ({request} of {container}: {asked} asked and allowed), and a lower request alone would make them Burstable." },
      Imbalanced: { HottestPod: "On {day} the hottest pod of {container} used {hottest}, and the mean was {mean}: a {request} of {hottest} would cover it." },
      LargeChange: {
        MoreThanAllowed: "The {field} of {container} would go from {before} to {after}, by more than {percent} %.",
        MoreThanAllowedReplicas: "Replicas would go from {before} to {after}, by more than {percent} %.",
      },
    },
  },
  accept: {
    action: "Accept", all: "Accept all", actionOf: "Accept: {name}", hint: "Let the door set what these conditions withhold", title: "Accept conditions of {name}", titleMany: "Accept conditions of {count} workload | Accept conditions of {count} workloads",
    intro: "From then on the door sets what is withheld, the next time these Deployments are restarted or scaled while enforcement is on.",
    which: "Which conditions", ofWorkloads: "{count} workload | {count} workloads", nothing: "None of these workloads has a condition that can be accepted.",
    others: "{count} workload has nothing to accept and stays as it is. | {count} workloads have nothing to accept and stay as they are.",
    howLong: "For how long", forGood: "For good", untilDate: "Until a date", date: "Last day", dateHint: "To the end of that day, {zone}; after it the values are withheld again.", inDays: "{count} days",
    past: "This day is past.", note: "Note", notePlaceholder: "Why is it right? Kept in the audit log", confirm: "Accept for {count} workload | Accept for {count} workloads",
    done: "Accepted for {count} workload | Accepted for {count} workloads", skipped: "{count} workload was left out | {count} workloads were left out",
    by: "Accepted by {who}", good: "for good", until: "until", ended: "The acceptance by {who} ended",
    withdraw: "Withdraw", withdrawOf: "Withdraw the acceptance: {name}", withdrawTitle: "Withdraw the acceptance?", withdrawText: "What {name} withholds is left as the owner wrote it again, from the next release on.", withdrawConfirm: "Withdraw", withdrawn: "The acceptance is withdrawn",
    ahead: "Accepted, and not the case now", failed: "Who accepted it could not be loaded.",
  },
};
