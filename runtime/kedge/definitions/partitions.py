"""Partitions of a job: the keys that it can be run for, and the config and tags of each.

Partitions are static here: a list of keys. Keys that follow the clock belong to schedules.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from kedge.core.errors import DagsterInvalidDefinitionError, DagsterUnknownPartitionError
from kedge.core.graph import PARTITION_TAG
from kedge.definitions.names import normalize_tags

PARTITION_SET_TAG = "dagster/partition_set"
_RANGE_MARK = "..."
T = TypeVar("T")


class PartitionsDefinition(ABC):
    """The keys that a job, or a config, has partitions for."""

    @abstractmethod
    def get_partition_keys(self) -> Sequence[str]:
        """All keys, in order."""

    def has_partition_key(self, partition_key: str) -> bool:
        """Whether there is such a partition."""
        return partition_key in self.get_partition_keys()

    def get_first_partition_key(self) -> str | None:
        """The first key, or None when there is none."""
        return next(iter(self.get_partition_keys()), None)

    def get_last_partition_key(self) -> str | None:
        """The last key, or None when there is none."""
        return next(reversed(self.get_partition_keys()), None)

    def get_num_partitions(self) -> int:
        """How many there are."""
        return len(self.get_partition_keys())

    def validate_partition_key(self, partition_key: str) -> None:
        """Raise DagsterUnknownPartitionError when there is no such partition."""
        if not self.has_partition_key(partition_key):
            raise DagsterUnknownPartitionError(
                f"there is no partition {partition_key!r}; there are {', '.join(self.get_partition_keys()) or 'none'}"
            )


class StaticPartitionsDefinition(PartitionsDefinition):
    """Partitions that are listed: `StaticPartitionsDefinition(["de", "fr"])`.

    Raises DagsterInvalidDefinitionError for a key that is no text, that stands there twice, or that holds `...`.
    """

    def __init__(self, partition_keys: Sequence[str]) -> None:
        self._keys = tuple(partition_keys)
        for key in self._keys:
            if not isinstance(key, str):
                raise DagsterInvalidDefinitionError(f"partition keys are text, and {key!r} is none")
            if _RANGE_MARK in key:
                raise DagsterInvalidDefinitionError(f"partition key {key!r}: {_RANGE_MARK!r} means a range of keys")
        twice = sorted(key for key, count in Counter(self._keys).items() if count > 1)
        if twice:
            raise DagsterInvalidDefinitionError(f"partition keys must be unique; {', '.join(twice)} is there twice")

    def get_partition_keys(self) -> Sequence[str]:
        return list(self._keys)

    def has_partition_key(self, partition_key: str) -> bool:
        return partition_key in self._keys

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StaticPartitionsDefinition) and self._keys == other._keys

    def __hash__(self) -> int:
        return hash(self._keys)

    def __repr__(self) -> str:
        return f"StaticPartitionsDefinition(partition_keys={list(self._keys)!r})"

    def __str__(self) -> str:
        return "'" + "', '".join(self._keys) + "'"


class Partition(Generic[T]):
    """One partition, as `run_config_for_partition_fn` gets it. New code takes the key alone."""

    def __init__(self, value: T, name: str | None = None) -> None:
        self.value = value
        self.name = str(value) if name is None else name


class PartitionedConfig:
    """Run config and tags that follow from a partition key. Called with a key, it gives the run config.

    Exactly one of `run_config_for_partition_key_fn` (gets the key) and `run_config_for_partition_fn` (gets a
    Partition) is given; for tags at most one. Raises DagsterInvalidDefinitionError otherwise.
    """

    def __init__(
        self,
        partitions_def: PartitionsDefinition,
        run_config_for_partition_fn: Callable[[Partition[Any]], Any] | None = None,
        decorated_fn: Callable[..., Any] | None = None,
        tags_for_partition_fn: Callable[[Partition[Any]], Mapping[str, str]] | None = None,
        run_config_for_partition_key_fn: Callable[[str], Any] | None = None,
        tags_for_partition_key_fn: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        if not isinstance(partitions_def, PartitionsDefinition):
            raise DagsterInvalidDefinitionError(
                f"PartitionedConfig: {partitions_def!r} defines no partitions; give a StaticPartitionsDefinition"
            )
        if (run_config_for_partition_fn is None) == (run_config_for_partition_key_fn is None):
            raise DagsterInvalidDefinitionError(
                "PartitionedConfig: give exactly one of run_config_for_partition_key_fn and run_config_for_partition_fn"
            )
        if tags_for_partition_fn is not None and tags_for_partition_key_fn is not None:
            raise DagsterInvalidDefinitionError(
                "PartitionedConfig: give tags_for_partition_key_fn or tags_for_partition_fn, not both"
            )
        self.partitions_def = partitions_def
        self.run_config_for_partition_fn = run_config_for_partition_fn
        self.run_config_for_partition_key_fn = run_config_for_partition_key_fn
        self.tags_for_partition_fn = tags_for_partition_fn
        self.tags_for_partition_key_fn = tags_for_partition_key_fn
        self._decorated = decorated_fn

    def get_partition_keys(self) -> Sequence[str]:
        """All keys, in order."""
        return self.partitions_def.get_partition_keys()

    def get_run_config_for_partition_key(self, partition_key: str) -> Mapping[str, Any]:
        """The run config of one partition, as plain data."""
        if self.run_config_for_partition_key_fn is not None:
            found = self.run_config_for_partition_key_fn(partition_key)
        else:
            assert self.run_config_for_partition_fn is not None
            found = self.run_config_for_partition_fn(Partition(partition_key))
        plain: Mapping[str, Any] = found.to_config_dict() if hasattr(found, "to_config_dict") else found
        return plain

    def get_tags_for_partition_key(self, partition_key: str, job_name: str | None = None) -> Mapping[str, str]:
        """The tags of a run for one partition: the user's, and those that name the partition."""
        found: Mapping[str, Any] = {}
        if self.tags_for_partition_key_fn is not None:
            found = self.tags_for_partition_key_fn(partition_key)
        elif self.tags_for_partition_fn is not None:
            found = self.tags_for_partition_fn(Partition(partition_key))
        return {**normalize_tags(found), **tags_of(partition_key, job_name)}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the decorated function. Raises DagsterInvalidDefinitionError when there is none."""
        if self._decorated is None:
            raise DagsterInvalidDefinitionError(
                "only a PartitionedConfig made by a decorator can be called; use get_run_config_for_partition_key"
            )
        return self._decorated(*args, **kwargs)


def tags_of(partition_key: str, job_name: str | None = None) -> dict[str, str]:
    """The tags that say for which partition a run is."""
    found = {PARTITION_TAG: partition_key}
    return found if job_name is None else {**found, PARTITION_SET_TAG: f"{job_name}_partition_set"}


def static_partitioned_config(
    partition_keys: Sequence[str],
    tags_for_partition_fn: Callable[[str], Mapping[str, str]] | None = None,
    tags_for_partition_key_fn: Callable[[str], Mapping[str, str]] | None = None,
) -> Callable[[Callable[[str], Any]], PartitionedConfig]:
    """Make a PartitionedConfig of a function from a partition key to a run config.

    Both functions for tags get the key; `tags_for_partition_fn` is the older name.
    """
    if tags_for_partition_fn is not None and tags_for_partition_key_fn is not None:
        raise DagsterInvalidDefinitionError("static_partitioned_config: give one function for tags, not both")
    return partitioned_config(
        StaticPartitionsDefinition(partition_keys), tags_for_partition_key_fn or tags_for_partition_fn
    )


def partitioned_config(
    partitions_def: PartitionsDefinition,
    tags_for_partition_key_fn: Callable[[str], Mapping[str, str]] | None = None,
) -> Callable[[Callable[[str], Any]], PartitionedConfig]:
    """Make a PartitionedConfig of a function from a partition key to a run config."""

    def decorate(fn: Callable[[str], Any]) -> PartitionedConfig:
        return PartitionedConfig(
            partitions_def,
            decorated_fn=fn,
            run_config_for_partition_key_fn=fn,
            tags_for_partition_key_fn=tags_for_partition_key_fn,
        )

    return decorate
