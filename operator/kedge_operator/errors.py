"""What can go wrong with the cluster, as the rest of the operator sees it.

::

    ClusterError
    ├── NotFound          there is no such object, or no such namespace
    ├── AlreadyExists     an object of that name is there
    ├── Conflict          the object has changed in between, or is another one by now
    ├── Gone              what was asked for is too old
    ├── Forbidden         not allowed; see its kinds
    │   ├── QuotaExceeded there is no room in the namespace's quota
    │   └── RightsMissing the operator itself may not do it
    ├── Invalid           the API server refuses the object for what it says
    └── Unavailable       no answer, or one that says to try again later
        └── RightsMissing again: rights come back, as after an upgrade of the roles
"""

from __future__ import annotations

from kedge.core.errors import KedgeError


class ClusterError(KedgeError):
    """A request to the API server failed. `what` is kind, namespace and name; `message` the server's words."""

    def __init__(self, what: str, message: str, status: int = 0) -> None:
        super().__init__(f"{what}: {message}")
        self.what = what
        self.message = message
        self.status = status


class NotFound(ClusterError):
    """There is no such object, or no such namespace."""


class AlreadyExists(ClusterError):
    """An object of that name is there."""


class Conflict(ClusterError):
    """The object has changed in between, or is another one by now."""


class Gone(ClusterError):
    """What was asked for is too old."""


class Forbidden(ClusterError):
    """Not allowed."""


class QuotaExceeded(Forbidden):
    """There is no room in the namespace's quota."""


class Invalid(ClusterError):
    """The API server refuses the object for what it says."""


class Unavailable(ClusterError):
    """No answer, or one that says to try again later. `retry_after` in seconds, when the server says."""

    def __init__(self, what: str, message: str, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(what, message, status)
        self.retry_after = retry_after


class RightsMissing(Unavailable, Forbidden):
    """The operator itself may not do this. No object is at fault, and an administrator mends it: it is tried again."""


def may_pass(error: ClusterError) -> bool:
    """Whether a refusal may pass: a service account may come a moment after the OpJob of the same `kubectl apply`."""
    if isinstance(error, QuotaExceeded | RightsMissing):
        return True
    return isinstance(error, Forbidden) and "service account" in error.message
