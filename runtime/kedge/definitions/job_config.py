"""What a job says about its run config: a fixed one, a mapping, or one that follows from the partition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kedge.core.errors import DagsterInvalidConfigError, DagsterInvalidDefinitionError
from kedge.definitions import run_config
from kedge.definitions.ins_outs import NO_VALUE

if TYPE_CHECKING:
    from kedge.definitions.config_mapping import ConfigMapping
    from kedge.definitions.partitions import PartitionedConfig, PartitionsDefinition


class JobConfig(NamedTuple):
    """A job's `config` and `partitions_def`. At most one of `fixed`, `mapping` and `partitioned` is there."""

    given: Any = None
    fixed: Mapping[str, Any] = {}
    mapping: ConfigMapping | None = None
    partitioned: PartitionedConfig | None = None
    partitions: PartitionsDefinition | None = None

    @classmethod
    def of(cls, job: str, given: Any, partitions: Any) -> JobConfig:
        """Read the arguments of a job. Raises DagsterInvalidDefinitionError for partitions that do not agree."""
        if given is None and partitions is None:
            return _EMPTY
        if hasattr(given, "config_fn"):
            return cls(given, mapping=given, partitions=partitions)
        if hasattr(given, "get_run_config_for_partition_key"):
            if partitions is not None and partitions != given.partitions_def:
                raise DagsterInvalidDefinitionError(
                    f"job {job}: partitions_def is not that of the PartitionedConfig; leave partitions_def out"
                )
            return cls(given, partitioned=given, partitions=given.partitions_def)
        return cls(given, fixed=run_config.plain_run_config(given), partitions=partitions)

    def complete(
        self,
        job: str,
        given: Mapping[str, Any],
        only_selected: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> Mapping[str, Any]:
        """The run config that `given` makes: mapped, or laid over the job's own.

        Raises DagsterInvalidConfigError when `given` does not fit the mapping's schema.
        """
        if self.mapping is None:
            return run_config.merge_defaults(only_selected(self.fixed), given)
        errors: list[Any] = []
        found = self.mapping.map(given or NO_VALUE, f"job {job}", "config", errors)
        if errors:
            raise DagsterInvalidConfigError(f"Error in the config that job {job} maps to its run config", errors)
        return only_selected(found)

    def partitions_or_raise(self, job: str) -> PartitionsDefinition:
        """The partitions. Raises DagsterInvalidDefinitionError when the job has none."""
        if self.partitions is None:
            raise DagsterInvalidDefinitionError(
                f"job {job} has no partitions; give it partitions_def=StaticPartitionsDefinition([...]), or a "
                "PartitionedConfig as config"
            )
        return self.partitions

    def for_partition(self, job: str, key: str) -> Mapping[str, Any]:
        """The run config of one partition. Raises DagsterUnknownPartitionError when there is no such partition."""
        self.partitions_or_raise(job).validate_partition_key(key)
        return {} if self.partitioned is None else self.partitioned.get_run_config_for_partition_key(key)

    def tags_of(self, job: str, key: str) -> Mapping[str, str]:
        """The tags of a run for one partition. Raises DagsterUnknownPartitionError when there is no such partition."""
        self.partitions_or_raise(job).validate_partition_key(key)
        if self.partitioned is not None:
            return self.partitioned.get_tags_for_partition_key(key, job)
        from kedge.definitions.partitions import tags_of

        return tags_of(key, job)


_EMPTY = JobConfig()
