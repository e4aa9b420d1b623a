"""What a job tells of itself: its config, partitions, executor, loggers and nodes, as they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kedge.definitions.graphs import GraphDefinition
from kedge.definitions.job_config import JobConfig


class JobDescription:
    """The part of a JobDefinition that is read and never changed."""

    name: str
    graph: GraphDefinition
    config: JobConfig
    logger_defs: Mapping[str, Any]
    op_selection: Sequence[str]
    _metadata: Mapping[str, Any]
    _executor_def: Any

    @property
    def run_config(self) -> Mapping[str, Any] | None:
        """The run config that the job itself gives, or None."""
        return self.config.fixed or None

    @property
    def config_mapping(self) -> Any:
        """The ConfigMapping that people's config goes through, or None."""
        return self.config.mapping

    @property
    def partitioned_config(self) -> Any:
        """The PartitionedConfig, or None."""
        return self.config.partitioned

    @property
    def partitions_def(self) -> Any:
        """The partitions that the job can be run for, or None."""
        return self.config.partitions

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The job's metadata, as MetadataValues."""
        from kedge.definitions.metadata import normalize_metadata

        return normalize_metadata(self._metadata)

    @property
    def executor_def(self) -> Any:
        """The executor; where none was given, the one with which config chooses between processes and one process."""
        if self._executor_def is None:
            from kedge.definitions.executors import multi_or_in_process_executor

            return multi_or_in_process_executor
        return self._executor_def

    @property
    def has_specified_executor(self) -> bool:
        """Whether an executor was given."""
        return self._executor_def is not None

    @property
    def loggers(self) -> Mapping[str, Any]:
        """The loggers that a run config can name."""
        if not self.logger_defs:
            from kedge.definitions.loggers import default_loggers

            return default_loggers()
        return self.logger_defs

    @property
    def has_specified_loggers(self) -> bool:
        """Whether loggers were given."""
        return bool(self.logger_defs)

    @property
    def dependencies(self) -> Mapping[Any, Any]:
        """What feeds the inputs of each node of the job's graph."""
        return self.graph.dependencies

    @property
    def nodes(self) -> Sequence[Any]:
        """The uses of ops and graphs in the job's graph, in order."""
        return self.graph.nodes

    def has_node_named(self, name: str) -> bool:
        """Whether a node of the job's graph is called so."""
        return self.graph.has_node_named(name)

    def get_node_named(self, name: str) -> Any:
        """The node of that name. Raises DagsterInvariantViolationError when there is none."""
        return self.graph.node_named(name)

    @property
    def is_subset(self) -> bool:
        """Whether this is a part of a job, by a selection of ops."""
        return bool(self.op_selection)

    # -- partitions ---------------------------------------------------------------------------------------------

    def get_partition_keys(self, selected_asset_keys: Any = None) -> Sequence[str]:
        """The keys of the job's partitions. Raises DagsterInvalidDefinitionError for a job without partitions."""
        return self.config.partitions_or_raise(self.name).get_partition_keys()

    def get_run_config_for_partition_key(self, partition_key: str) -> Mapping[str, Any]:
        """The run config of one partition; the job's own where no PartitionedConfig says it."""
        return self.config.for_partition(self.name, partition_key)

    def get_tags_for_partition_key(self, partition_key: str, selected_asset_keys: Any = None) -> Mapping[str, str]:
        """The tags of a run for one partition. Raises DagsterUnknownPartitionError when there is no such partition."""
        return self.config.tags_of(self.name, partition_key)

    def validate_partition_key(self, partition_key: str) -> None:
        """Raise DagsterUnknownPartitionError when there is no such partition."""
        self.config.partitions_or_raise(self.name).validate_partition_key(partition_key)
