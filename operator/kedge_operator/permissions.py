"""What the operator, and people, may do at the API server: one table, plain data. `hack/manifests` makes roles of it.

Each row is an API group, its resources, the verbs, the names of the objects where it is about those alone, and what it
is needed for. kopf itself needs no more than this when it is told not to scan (`settings.scanning.disabled`) and not to
post (`settings.posting.enabled = False`), runs standalone, and has event handlers alone: those leave no annotation and
no finalizer on what they watch.
"""

OPERATOR = (
    {
        "group": "kedge.dev",
        "resources": ("opjobs",),
        "verbs": ("get", "list", "watch", "delete"),
        "why": "to take up runs, and to remove those whose ttlSecondsAfterFinished is over",
    },
    {
        "group": "kedge.dev",
        "resources": ("opjobs/status",),
        "verbs": ("patch",),
        "why": "to tell how runs stand; what people wrote is never touched",
    },
    {
        "group": "",
        "resources": ("pods",),
        "verbs": ("get", "list", "watch", "create", "delete"),
        "why": "to make one pod for each attempt of a step, see how it fares, and end it when its run is stopped",
    },
    {
        "group": "events.k8s.io",
        "resources": ("events",),
        "verbs": ("list", "create"),
        "why": "to tell of a run's milestones, and why a pod does not start",
    },
)
"""In each namespace where OpJobs are run."""

LEADER = (
    {
        "group": "coordination.k8s.io",
        "resources": ("leases",),
        "verbs": ("create",),
        "why": "so that of several replicas one works: they agree by a Lease",
    },
    {
        "group": "coordination.k8s.io",
        "resources": ("leases",),
        "verbs": ("get", "update"),
        "names": ("kedge-operator",),
        "why": "to keep that Lease or take it over; the Leases of others in its namespace are not its affair",
    },
)
"""In the operator's own namespace. The name is that of `leaderElection.name`."""

JOB_STORES = (
    {
        "group": "",
        "resources": ("secrets",),
        "verbs": ("get",),
        "why": "to read the credentials of jobs that have a store of their own (spec.store.secretName)",
    },
)
"""In the namespaces of such jobs, if there are any. Optional: it lets the operator read every Secret there."""

VIEWERS = (
    {
        "group": "kedge.dev",
        "resources": ("opjobs", "opjobs/status"),
        "verbs": ("get", "list", "watch"),
        "why": "to see runs",
    },
)
"""Of people who may view a namespace."""

EDITORS = (
    {
        "group": "kedge.dev",
        "resources": ("opjobs",),
        "verbs": ("create", "update", "patch", "delete", "deletecollection"),
        "why": "to start, change and remove runs; their status is the operator's",
    },
)
"""Of people who may edit or administer a namespace, besides viewing it."""
