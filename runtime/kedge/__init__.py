"""Kedge: Dagster's ops, graphs and jobs, run natively on Kubernetes.

The names here are Dagster's, so that a file written for it runs after `import kedge as dg`. Each is imported
when it is first used: `import kedge` alone costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from kedge.core.errors import *  # noqa: F403
    from kedge.core.retry import Backoff as Backoff
    from kedge.core.retry import Jitter as Jitter
    from kedge.core.retry import RetryPolicy as RetryPolicy
    from kedge.definitions.assets import AssetKey as AssetKey
    from kedge.definitions.config import Array as Array
    from kedge.definitions.config import Field as Field
    from kedge.definitions.config import Noneable as Noneable
    from kedge.definitions.config import Permissive as Permissive
    from kedge.definitions.config import Shape as Shape
    from kedge.definitions.config_files import config_from_files as config_from_files
    from kedge.definitions.config_files import config_from_pkg_resources as config_from_pkg_resources
    from kedge.definitions.config_files import config_from_yaml_strings as config_from_yaml_strings
    from kedge.definitions.config_files import file_relative_path as file_relative_path
    from kedge.definitions.config_kinds import BoolSource as BoolSource
    from kedge.definitions.config_kinds import Enum as Enum
    from kedge.definitions.config_kinds import EnumValue as EnumValue
    from kedge.definitions.config_kinds import EnvVar as EnvVar
    from kedge.definitions.config_kinds import IntSource as IntSource
    from kedge.definitions.config_kinds import Map as Map
    from kedge.definitions.config_kinds import ScalarUnion as ScalarUnion
    from kedge.definitions.config_kinds import Selector as Selector
    from kedge.definitions.config_kinds import StringSource as StringSource
    from kedge.definitions.configurable import ConfigurableIOManager as ConfigurableIOManager
    from kedge.definitions.configurable import ConfigurableIOManagerFactory as ConfigurableIOManagerFactory
    from kedge.definitions.configurable import ConfigurableLegacyIOManagerAdapter as ConfigurableLegacyIOManagerAdapter
    from kedge.definitions.configurable import ConfigurableResource as ConfigurableResource
    from kedge.definitions.configurable import ConfigurableResourceFactory as ConfigurableResourceFactory
    from kedge.definitions.configurable import ResourceDependency as ResourceDependency
    from kedge.definitions.configured import configured as configured
    from kedge.definitions.container_types import Bool as Bool
    from kedge.definitions.container_types import Dict as Dict
    from kedge.definitions.container_types import Float as Float
    from kedge.definitions.container_types import Int as Int
    from kedge.definitions.container_types import List as List
    from kedge.definitions.container_types import Optional as Optional
    from kedge.definitions.container_types import Set as Set
    from kedge.definitions.container_types import String as String
    from kedge.definitions.container_types import Tuple as Tuple
    from kedge.definitions.contexts import OpExecutionContext as OpExecutionContext
    from kedge.definitions.dagster_runs import DagsterRun as DagsterRun
    from kedge.definitions.dagster_runs import DagsterRunStatus as DagsterRunStatus
    from kedge.definitions.direct_context import build_op_context as build_op_context
    from kedge.definitions.events import DagsterEvent as DagsterEvent
    from kedge.definitions.events import DagsterEventType as DagsterEventType
    from kedge.definitions.graphs import GraphDefinition as GraphDefinition
    from kedge.definitions.graphs import graph as graph
    from kedge.definitions.hook_contexts import build_hook_context as build_hook_context
    from kedge.definitions.hooks import HookContext as HookContext
    from kedge.definitions.hooks import HookDefinition as HookDefinition
    from kedge.definitions.hooks import HookExecutionResult as HookExecutionResult
    from kedge.definitions.hooks import event_list_hook as event_list_hook
    from kedge.definitions.hooks import failure_hook as failure_hook
    from kedge.definitions.hooks import success_hook as success_hook
    from kedge.definitions.ins_outs import DynamicOut as DynamicOut
    from kedge.definitions.ins_outs import GraphIn as GraphIn
    from kedge.definitions.ins_outs import GraphOut as GraphOut
    from kedge.definitions.ins_outs import In as In
    from kedge.definitions.ins_outs import Out as Out
    from kedge.definitions.io_builders import build_input_context as build_input_context
    from kedge.definitions.io_builders import build_output_context as build_output_context
    from kedge.definitions.io_contexts import InputContext as InputContext
    from kedge.definitions.io_contexts import OutputContext as OutputContext
    from kedge.definitions.io_managers import InputManager as InputManager
    from kedge.definitions.io_managers import InputManagerDefinition as InputManagerDefinition
    from kedge.definitions.io_managers import IOManager as IOManager
    from kedge.definitions.io_managers import IOManagerDefinition as IOManagerDefinition
    from kedge.definitions.io_managers import input_manager as input_manager
    from kedge.definitions.io_managers import io_manager as io_manager
    from kedge.definitions.jobs import JobDefinition as JobDefinition
    from kedge.definitions.jobs import job as job
    from kedge.definitions.logs import DagsterLogManager as DagsterLogManager
    from kedge.definitions.logs import get_dagster_logger as get_dagster_logger
    from kedge.definitions.metadata import BoolMetadataValue as BoolMetadataValue
    from kedge.definitions.metadata import DagsterAssetMetadataValue as DagsterAssetMetadataValue
    from kedge.definitions.metadata import DagsterJobMetadataValue as DagsterJobMetadataValue
    from kedge.definitions.metadata import DagsterRunMetadataValue as DagsterRunMetadataValue
    from kedge.definitions.metadata import FloatMetadataValue as FloatMetadataValue
    from kedge.definitions.metadata import IntMetadataValue as IntMetadataValue
    from kedge.definitions.metadata import JsonMetadataValue as JsonMetadataValue
    from kedge.definitions.metadata import MarkdownMetadataValue as MarkdownMetadataValue
    from kedge.definitions.metadata import MetadataValue as MetadataValue
    from kedge.definitions.metadata import NotebookMetadataValue as NotebookMetadataValue
    from kedge.definitions.metadata import NullMetadataValue as NullMetadataValue
    from kedge.definitions.metadata import PathMetadataValue as PathMetadataValue
    from kedge.definitions.metadata import PoolMetadataValue as PoolMetadataValue
    from kedge.definitions.metadata import PythonArtifactMetadataValue as PythonArtifactMetadataValue
    from kedge.definitions.metadata import TextMetadataValue as TextMetadataValue
    from kedge.definitions.metadata import TimestampMetadataValue as TimestampMetadataValue
    from kedge.definitions.metadata import UrlMetadataValue as UrlMetadataValue
    from kedge.definitions.models import Config as Config
    from kedge.definitions.models import PermissiveConfig as PermissiveConfig
    from kedge.definitions.models import RunConfig as RunConfig
    from kedge.definitions.ops import OpDefinition as OpDefinition
    from kedge.definitions.ops import op as op
    from kedge.definitions.resource_contexts import build_init_resource_context as build_init_resource_context
    from kedge.definitions.resource_contexts import build_resources as build_resources
    from kedge.definitions.resources import InitResourceContext as InitResourceContext
    from kedge.definitions.resources import ResourceDefinition as ResourceDefinition
    from kedge.definitions.resources import ResourceParam as ResourceParam
    from kedge.definitions.resources import resource as resource
    from kedge.definitions.tables import TableColumn as TableColumn
    from kedge.definitions.tables import TableColumnConstraints as TableColumnConstraints
    from kedge.definitions.tables import TableColumnDep as TableColumnDep
    from kedge.definitions.tables import TableColumnLineage as TableColumnLineage
    from kedge.definitions.tables import TableColumnLineageMetadataValue as TableColumnLineageMetadataValue
    from kedge.definitions.tables import TableConstraints as TableConstraints
    from kedge.definitions.tables import TableMetadataValue as TableMetadataValue
    from kedge.definitions.tables import TableRecord as TableRecord
    from kedge.definitions.tables import TableSchema as TableSchema
    from kedge.definitions.tables import TableSchemaMetadataValue as TableSchemaMetadataValue
    from kedge.definitions.type_loaders import DagsterTypeLoader as DagsterTypeLoader
    from kedge.definitions.type_loaders import DagsterTypeLoaderContext as DagsterTypeLoaderContext
    from kedge.definitions.type_loaders import TypeCheckContext as TypeCheckContext
    from kedge.definitions.type_loaders import dagster_type_loader as dagster_type_loader
    from kedge.definitions.types import DagsterType as DagsterType
    from kedge.definitions.types import PythonObjectDagsterType as PythonObjectDagsterType
    from kedge.definitions.types import TypeCheck as TypeCheck
    from kedge.definitions.types import check_dagster_type as check_dagster_type
    from kedge.definitions.types import usable_as_dagster_type as usable_as_dagster_type
    from kedge.definitions.validation import validate_run_config as validate_run_config
    from kedge.definitions.values import AssetMaterialization as AssetMaterialization
    from kedge.definitions.values import AssetObservation as AssetObservation
    from kedge.definitions.values import DynamicOutput as DynamicOutput
    from kedge.definitions.values import ExpectationResult as ExpectationResult
    from kedge.definitions.values import Failure as Failure
    from kedge.definitions.values import Nothing as Nothing
    from kedge.definitions.values import Output as Output
    from kedge.definitions.values import RetryRequested as RetryRequested
    from kedge.local.execution import JobExecutionResult as JobExecutionResult
    from kedge.local.execution import ReexecutionOptions as ReexecutionOptions
    from kedge.local.execution import execute_job as execute_job
    from kedge.local.inprocess import ExecuteInProcessResult as ExecuteInProcessResult
    from kedge.local.instance import DagsterInstance as DagsterInstance
    from kedge.local.instance import instance_for_test as instance_for_test
    from kedge.local.reconstruct import ReconstructableJob as ReconstructableJob
    from kedge.local.reconstruct import build_reconstructable_job as build_reconstructable_job
    from kedge.local.reconstruct import reconstructable as reconstructable
    from kedge.local.run_records import EventLogEntry as EventLogEntry
    from kedge.local.run_records import RunRecord as RunRecord
    from kedge.local.run_records import RunsFilter as RunsFilter

_HOMES = {
    "core.errors": """KedgeError DagsterError DagsterInvalidDefinitionError DagsterInvalidSubsetError
        DagsterInvalidConfigDefinitionError DagsterInvalidPythonicConfigDefinitionError
        DagsterInvalidDagsterTypeInPythonicConfigDefinitionError DagsterInvalidConfigError
        DagsterInvalidInvocationError DagsterInvalidPropertyError DagsterInvalidMetadata
        DagsterInvalidAssetKey DagsterInvariantViolationError DagsterTypeCheckDidNotPass
        DagsterStepOutputNotFoundError DagsterMaxRetriesExceededError DagsterUnknownResourceError
        DagsterUnknownPartitionError DagsterUnknownStepStateError DagsterExecutionStepNotFoundError
        DagsterRunNotFoundError DagsterRunAlreadyExists DagsterEventLogInvalidForRun DagsterObjectStoreError
        DagsterLaunchFailedError DagsterSubprocessError DagsterUnmetExecutorRequirementsError
        DagsterHomeNotSetError DagsterImportError DagsterUserCodeProcessError DagsterExecutionInterruptedError
        DagsterUserCodeExecutionError DagsterExecutionStepExecutionError DagsterExecutionLoadInputError
        DagsterExecutionHandleOutputError DagsterTypeCheckError DagsterTypeLoadingError
        DagsterResourceFunctionError DagsterConfigMappingFunctionError DagsterUserCodeLoadError
        HookExecutionError PartitionExecutionError JobError CheckError ParameterCheckError
        NotImplementedCheckError PlanError ProtocolError""",
    "core.retry": "Backoff Jitter RetryPolicy",
    "definitions.assets": "AssetKey",
    "definitions.compose": "PendingNodeInvocation",
    "definitions.config": "Array Field Noneable Permissive Shape",
    "definitions.config_files": """config_from_files config_from_pkg_resources config_from_yaml_strings
        file_relative_path""",
    "definitions.config_kinds": "BoolSource Enum EnumValue EnvVar IntSource Map ScalarUnion Selector StringSource",
    "definitions.config_mapping": "ConfigMapping config_mapping",
    "definitions.configurable": """ConfigurableIOManager ConfigurableIOManagerFactory
        ConfigurableLegacyIOManagerAdapter ConfigurableResource ConfigurableResourceFactory ResourceDependency""",
    "definitions.configured": "configured",
    "definitions.container_types": "Any Bool Dict Float Int List Optional Set String Tuple",
    "definitions.contexts": "OpExecutionContext",
    "definitions.dagster_runs": "DagsterRun DagsterRunStatus",
    "definitions.dependencies": """DependencyDefinition DynamicCollectDependencyDefinition InputMapping
        MappedInputPlaceholder MultiDependencyDefinition NodeInvocation OutputMapping""",
    "definitions.direct_context": "build_op_context",
    "definitions.events": "DagsterEvent DagsterEventType",
    "definitions.executors": """ExecutorDefinition executor in_process_executor k8s_job_executor
        multi_or_in_process_executor multiprocess_executor""",
    "definitions.graphs": "GraphDefinition graph",
    "definitions.hook_contexts": "build_hook_context",
    "definitions.hooks": "HookContext HookDefinition HookExecutionResult event_list_hook failure_hook success_hook",
    "definitions.ins_outs": "DynamicOut GraphIn GraphOut In Out",
    "definitions.io_builders": "build_input_context build_output_context",
    "definitions.io_contexts": "InputContext OutputContext",
    "definitions.io_managers": """IOManager IOManagerDefinition InputManager InputManagerDefinition
        input_manager io_manager""",
    "definitions.jobs": "JobDefinition job",
    "definitions.loggers": """InitLoggerContext JsonLogFormatter LoggerDefinition build_init_logger_context
        colored_console_logger default_loggers json_console_logger logger""",
    "definitions.logs": "DagsterLogManager get_dagster_logger get_logger",
    "definitions.metadata": """BoolMetadataValue DagsterAssetMetadataValue DagsterJobMetadataValue
        DagsterRunMetadataValue FloatMetadataValue IntMetadataValue JsonMetadataValue MarkdownMetadataValue
        MetadataValue NotebookMetadataValue NullMetadataValue PathMetadataValue PoolMetadataValue
        PythonArtifactMetadataValue TextMetadataValue TimestampMetadataValue UrlMetadataValue""",
    "definitions.models": "Config PermissiveConfig RunConfig",
    "definitions.ops": "OpDefinition op",
    "definitions.partitions": """Partition PartitionedConfig PartitionsDefinition StaticPartitionsDefinition
        partitioned_config static_partitioned_config""",
    "definitions.resource_contexts": "build_init_resource_context build_resources",
    "definitions.resources": "InitResourceContext ResourceDefinition ResourceParam make_values_resource resource",
    "definitions.tables": """TableColumn TableColumnConstraints TableColumnDep TableColumnLineage
        TableColumnLineageMetadataValue TableConstraints TableMetadataValue TableRecord TableSchema
        TableSchemaMetadataValue""",
    "definitions.type_loaders": "DagsterTypeLoader DagsterTypeLoaderContext TypeCheckContext dagster_type_loader",
    "definitions.types": """DagsterType PythonObjectDagsterType TypeCheck check_dagster_type
        make_python_type_usable_as_dagster_type usable_as_dagster_type""",
    "definitions.validation": "validate_run_config",
    "definitions.values": """AssetMaterialization AssetObservation DynamicOutput ExpectationResult Failure
        Nothing Output RetryRequested""",
    "definitions.versions": "OpVersionContext ResourceVersionContext SourceHashVersionStrategy VersionStrategy",
    "io.filesystem": "FilesystemIOManager",
    "io.in_memory": "InMemoryIOManager mem_io_manager",
    "io.pickles": "custom_path_fs_io_manager fs_io_manager",
    "io.upath": "UPathIOManager",
    "worker.lazy": "LazyList",
    "local.execution": "JobExecutionResult ReexecutionOptions execute_job",
    "local.inprocess": "ExecuteInProcessResult",
    "local.instance": "DagsterInstance instance_for_test",
    "local.reconstruct": "ReconstructableJob build_reconstructable_job reconstructable",
    "local.run_records": "EventLogEntry RunRecord RunsFilter",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'kedge' has no attribute {name!r}{_why_absent(name)}")
    found = getattr(importlib.import_module(f"kedge.{home}"), name)
    globals()[name] = found
    return found


def _why_absent(name: str) -> str:
    if name.startswith("_"):
        return ""
    from kedge.definitions.absent import reason

    why = reason(name)
    return "" if why is None else f". {why}"


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
