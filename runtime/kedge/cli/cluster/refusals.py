"""What kubectl says when it fails, as errors that say what to do about it.

::

    KedgeError (kedge.core.errors)
    └── ClusterError            a request to the cluster that failed for any other reason
        ├── NoKubectl           kubectl is not installed here
        ├── NoCluster           no kubeconfig, no such context, or a login that has ended
        ├── Unreachable         the API server does not answer, or not to the end
        ├── NotInstalled        the cluster does not know OpJobs
        ├── NotAllowed          the user lacks a right, or a policy or quota forbids it
        ├── NoSuchOpJob         no OpJob of this name in the namespace
        ├── NameTaken           there is an OpJob of this name already
        └── SpecRefused         the API server does not take the OpJob
"""

from __future__ import annotations

import re

from kedge.core.errors import KedgeError


class ClusterError(KedgeError):
    """A request to the cluster that failed."""


class NoKubectl(ClusterError):
    """kubectl is not installed here."""


class NoCluster(ClusterError):
    """No kubeconfig, no such context, or a login that has ended."""


class Unreachable(ClusterError):
    """The API server does not answer, or not to the end."""


class NotInstalled(ClusterError):
    """The cluster does not know OpJobs."""


class NotAllowed(ClusterError):
    """The user lacks a right, or a policy or quota forbids it."""


class NoSuchOpJob(ClusterError):
    """There is no OpJob of this name in the namespace."""


class NameTaken(ClusterError):
    """There is an OpJob of this name already."""


class SpecRefused(ClusterError):
    """The API server does not take the OpJob."""


_LOG_LINE = re.compile(r"^[EIWF]\d{4} .*$\n?", re.M)
_NO_CONFIG = "localhost:8080"
"""Where kubectl looks when nobody has told it of a cluster."""
_RULES: tuple[tuple[str, type[ClusterError], str], ...] = (
    (
        _NO_CONFIG,
        NoCluster,
        "set KUBECONFIG to your cluster's kubeconfig; `kubectl config get-contexts` lists its contexts",
    ),
    (r"context .*(was not found|does not exist)", NoCluster, "`kubectl config get-contexts` lists the contexts"),
    (r"[Ee]rror loading config file|invalid configuration", NoCluster, "look at the file that KUBECONFIG names"),
    (r"^error: EOF$", NoCluster, "kubectl asks who you are: the kubeconfig's user has no credentials"),
    (
        r"must be logged in|Unauthorized|getting credentials",
        NoCluster,
        "log in to the cluster again; `kubectl auth whoami` tells whether it knows you",
    ),
    (
        r"Unable to connect|connection to the server|i/o timeout|TLS handshake|context deadline exceeded"
        r"|unexpected EOF|connection reset|connection lost|broken pipe|GOAWAY|stream error|etcdserver: "
        r"|\((ServiceUnavailable|ServerTimeout|Timeout|TooManyRequests)\)|unable to handle the request",
        Unreachable,
        "`kubectl cluster-info` tells whether the cluster can be reached; --context names another one",
    ),
    (
        r"resource type|no matches for kind|could not find the requested resource|resource mapping not found",
        NotInstalled,
        "Kedge is not installed in this cluster, or --context is another one's; its administrator installs the CRD and "
        "the operator",
    ),
    (
        r"denied (the )?request",
        NotAllowed,
        "a policy of the cluster, made by its administrator, does not allow this, whatever your rights are",
    ),
    (
        r"exceeded quota",
        NotAllowed,
        "the namespace's quota is used up: delete runs that have ended, or ask its administrator for more",
    ),
    (
        r"\(Forbidden\)",
        NotAllowed,
        "ask the namespace's administrator for the role view (to look) or edit (to submit and change); "
        "-n names another namespace",
    ),
    (r"namespaces? \".*\" not found", ClusterError, "-n names the namespace; `kubectl get namespaces` lists them"),
    (
        r"opjobs\.kedge\.dev \".*\" not found",
        NoSuchOpJob,
        "`kedge runs --cluster` lists them; -n names another namespace",
    ),
    (r"\(AlreadyExists\)", NameTaken, "give another --name, or --generate-name for one that is not taken"),
    (
        r"is invalid|\(BadRequest\)|\(Invalid\)|error validating",
        SpecRefused,
        "`kubectl explain opjob.spec` tells what fits",
    ),
)


def error_of(text: str) -> ClusterError:
    """The error that stands for what kubectl has written to stderr."""
    said = _LOG_LINE.sub("", text).strip() or text.strip() or "kubectl failed, and did not say why"
    for pattern, kind, hint in _RULES:
        if re.search(pattern, said):
            words = "no cluster is configured here" if pattern is _NO_CONFIG else _in_short(said)
            return kind(f"{words}\n  {hint}")
    return ClusterError(_in_short(said))


def _in_short(said: str) -> str:
    """Without what kubectl puts before the server's words."""
    return re.sub(r"^([Ee]rror( from server( \(\w+\))?)?: )(error when creating \"[^\"]*\": )?", "", said)
