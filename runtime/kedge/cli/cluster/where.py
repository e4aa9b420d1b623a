"""Which runs a command means: those of this machine, or those of a cluster.

A run is a cluster's when its name says so (`oj/NAME`), when an option does (`--cluster`, `--context`, `-n`), or when
the command was called as `kubectl kedge`. Anything else means the store of this machine.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kedge.cli.cluster.kubectl import Kubectl

PLUGIN = "kubectl kedge"
_NAMED = re.compile(r"^(?:oj|opjobs?(?:\.kedge\.dev)?)/(?P<name>.*)$")


@dataclass(frozen=True, slots=True)
class Where:
    """The cluster that options speak of. `chosen`: plain names are a cluster's, too."""

    chosen: bool = False
    context: str | None = None
    namespace: str | None = None
    plugin: bool = False

    def in_cluster(self, run: str) -> str | None:
        """The name of the OpJob that `run` means; None where it means a run of this machine."""
        named = _NAMED.match(run)
        if named is not None:
            return named["name"]
        return run if self.chosen else None

    def kubectl(self) -> Kubectl:
        """kubectl for this cluster and namespace."""
        from kedge.cli.cluster.kubectl import Kubectl

        return Kubectl(self.context, self.namespace)

    def command(self, verb: str, run: str, *more: str) -> str:
        """The command that a person would type to do something with an OpJob."""
        words = [PLUGIN, verb, run] if self.plugin else ["kedge", verb, f"oj/{run}"]
        words += [] if self.namespace is None else ["-n", self.namespace]
        words += [] if self.context is None else ["--context", self.context]
        return " ".join([*words, *(f"'{word}'" if "[" in word else word for word in more)])


def is_plugin(ctx: click.Context) -> bool:
    """Whether the command was called as `kubectl kedge`."""
    return ctx.find_root().info_name == PLUGIN


def of_context(ctx: click.Context) -> Where:
    """What the options say that were parsed so far."""
    context, namespace = ctx.params.get("context"), ctx.params.get("namespace")
    plugin = is_plugin(ctx)
    chosen = bool(ctx.params.get("on_cluster")) or plugin or context is not None or namespace is not None
    return Where(chosen, context, namespace, plugin)


_FLAG = click.option("--cluster", "on_cluster", is_flag=True, help="On the cluster; so do -n, --context and oj/NAME.")
_CONTEXT = click.option("--context", metavar="NAME", help="The kubeconfig's context. [default: the current one]")
_NAMESPACE = click.option("-n", "--namespace", metavar="NAME", help="The namespace. [default: the context's]")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command for both kinds of runs the options that say which; it gets a `where`."""
    return _FLAG(always(command))


def always(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command for runs of a cluster alone the options that say which cluster; it gets a `where`."""

    @functools.wraps(command)
    def with_where(*arguments: Any, **given: Any) -> Any:
        found = of_context(click.get_current_context())
        for name in ("on_cluster", "context", "namespace"):
            given.pop(name, None)
        return command(*arguments, where=found, **given)

    return _CONTEXT(_NAMESPACE(with_where))
