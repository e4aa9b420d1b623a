"""Contexts for tests of I/O managers: `build_output_context`, `build_input_context`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedge.core.errors import DagsterInvalidInvocationError
from kedge.definitions.assets import AssetKey
from kedge.definitions.io_contexts import InputContext, OutputContext
from kedge.definitions.resource_contexts import HeldResources

EPHEMERAL_RUN_ID = "__EPHEMERAL_RUN_ID"


def build_output_context(
    step_key: str | None = None,
    name: str | None = None,
    definition_metadata: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    mapping_key: str | None = None,
    config: Any = None,
    dagster_type: Any = None,
    version: str | None = None,
    resource_config: Mapping[str, Any] | None = None,
    resources: Any = None,
    op_def: Any = None,
    asset_key: Any = None,
    partition_key: str | None = None,
    asset_partitions_def: Any = None,
    asset_partition_key_range: Any = None,
    instance: Any = None,
    asset_spec: Any = None,
    metadata: Mapping[str, Any] | None = None,
    output_metadata: Mapping[str, Any] | None = None,
) -> OutputContext:
    """An OutputContext for a test of an I/O manager.

    `resources` holds resources or definitions by key; use the context in a `with` block when they are torn down.
    `metadata` is the old name of `definition_metadata`. What describes a partitioned asset raises
    DagsterInvalidInvocationError: Kedge has none.
    """
    _no_assets(asset_partitions_def, asset_partition_key_range, asset_spec)
    return OutputContext(
        step_key=step_key,
        name=name,
        run_id=run_id or EPHEMERAL_RUN_ID,
        definition_metadata=definition_metadata,
        mapping_key=mapping_key,
        config=config,
        dagster_type=dagster_type,
        version=version,
        resource_config=resource_config or {},
        resources=_held(resources, "build_output_context"),
        op_def=op_def,
        asset_key=_asset_key(asset_key),
        partition_key=partition_key,
        instance=instance,
        metadata=metadata,
        output_metadata=output_metadata,
    )


def build_input_context(
    name: str | None = None,
    config: Any = None,
    definition_metadata: Mapping[str, Any] | None = None,
    upstream_output: OutputContext | None = None,
    dagster_type: Any = None,
    resource_config: Mapping[str, Any] | None = None,
    resources: Any = None,
    op_def: Any = None,
    step_context: Any = None,
    asset_key: Any = None,
    partition_key: str | None = None,
    asset_partition_key_range: Any = None,
    asset_partitions_def: Any = None,
    instance: Any = None,
    metadata: Mapping[str, Any] | None = None,
) -> InputContext:
    """An InputContext for a test of an I/O manager; arguments as those of `build_output_context`."""
    _no_assets(asset_partition_key_range, asset_partitions_def)
    return InputContext(
        name=name,
        config=config,
        definition_metadata=definition_metadata,
        upstream_output=upstream_output,
        dagster_type=dagster_type,
        resource_config=resource_config or {},
        resources=_held(resources, "build_input_context"),
        op_def=op_def,
        step_context=step_context,
        asset_key=_asset_key(asset_key),
        partition_key=partition_key,
        instance=instance,
        metadata=metadata,
    )


def _no_assets(*given: Any) -> None:
    if any(one is not None for one in given):
        raise DagsterInvalidInvocationError(
            "Kedge has no software-defined assets, so a context has no asset_partitions_def, asset_partition_key_range "
            "or asset_spec; give partition_key for a run of one partition"
        )


def _held(resources: Any, builder: str) -> Any:
    return HeldResources(resources, builder)


def _asset_key(given: Any) -> Any:
    return None if given is None else AssetKey.from_coercible(given)
