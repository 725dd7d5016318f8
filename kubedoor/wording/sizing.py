"""Sentences of sizing rules: why a collected value is what it is. What conditions say is in `kubedoor.sizing` itself."""

SIZING = {
    "sizing.reason": "{field} {value}: {why}",
    "sizing.replicas": "replicas",
    "sizing.cpu": "cpu",
    "sizing.memory": "memory",
    "sizing.cpu_request": "cpu request",
    "sizing.memory_request": "memory request",
    "sizing.cpu_limit": "cpu limit",
    "sizing.memory_limit": "memory limit",
    "sizing.peak_pods": "pods side by side on {day}, the peak day",
    "sizing.p95": "P95 of {day} was {used}",
    "sizing.p95_with_pods": "P95 of {day} was {used} with {pods} {pods:pod|pods}",
    "sizing.load": "load of {day} was {pods} × {used}, over {replicas} {replicas:replica|replicas}",
    "sizing.raised_to_floor": "{why}, raised to the floor",
    "sizing.whole_mebibytes": "{why}, in whole mebibytes",
    "sizing.oom_maximum": "the maximum seen, since it was OOM-killed {kills} {kills:time|times}",
    "sizing.limit_maximum": "the maximum seen, since its limit moves with it",
    "sizing.moves_with_request": "moves with the request, so that the pod stays Guaranteed",
    "sizing.hpa_target": "usage divided by the HPA's target of {percent} %",
    "sizing.cut_to_limit": "cut to its limit {limit}",
    "sizing.cut_to_node": "cut to the {bound} that the largest node can allocate",
    "sizing.cut_to_settings": "cut to the {bound} that the settings allow",
    "sizing.left_alone_node": "left alone, since the {bound} that the largest node can allocate are less",
    "sizing.left_alone_settings": "left alone, since the {bound} that the settings allow are less",
    "sizing.moved_by_limit_range": "moved from {before} by the LimitRange {limit_range}",
    # What values that are set by hand would do.
    "sizing.danger_memory_limit": (
        "memory limit {limit} of {container} is below the {used} that a pod used on {day}: its pods would be OOM-killed"
    ),
    "sizing.danger_cpu_limit": (
        "cpu limit {limit} of {container} is below the {used} that a pod used at peak on {day}: it would be throttled"
    ),
    "sizing.danger_request": (
        "{field} {request} of {container} is {percent} % of the {used} that a pod used at peak on {day}"
    ),
    "sizing.danger_no_replicas": "replicas 0 ends every pod; {pods} ran at most",
    "sizing.danger_many_replicas": (
        "replicas {replicas} are {times} times the {pods} {pods:pod|pods} that ran at most, on {day}"
    ),
    "sizing.unknown_rule": "there is no sizing rule {rule}; there are: {rules}",
}
