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
    from kedge.definitions.config import Array as Array
    from kedge.definitions.config import Enum as Enum
    from kedge.definitions.config import EnumValue as EnumValue
    from kedge.definitions.config import EnvVar as EnvVar
    from kedge.definitions.config import Field as Field
    from kedge.definitions.config import Map as Map
    from kedge.definitions.config import Noneable as Noneable
    from kedge.definitions.config import Permissive as Permissive
    from kedge.definitions.config import ScalarUnion as ScalarUnion
    from kedge.definitions.config import Selector as Selector
    from kedge.definitions.config import Shape as Shape
    from kedge.definitions.configured import configured as configured
    from kedge.definitions.contexts import OpExecutionContext as OpExecutionContext
    from kedge.definitions.graphs import GraphDefinition as GraphDefinition
    from kedge.definitions.graphs import graph as graph
    from kedge.definitions.hooks import HookContext as HookContext
    from kedge.definitions.hooks import failure_hook as failure_hook
    from kedge.definitions.hooks import success_hook as success_hook
    from kedge.definitions.ins_outs import DynamicOut as DynamicOut
    from kedge.definitions.ins_outs import GraphIn as GraphIn
    from kedge.definitions.ins_outs import GraphOut as GraphOut
    from kedge.definitions.ins_outs import In as In
    from kedge.definitions.ins_outs import Out as Out
    from kedge.definitions.invoke import build_op_context as build_op_context
    from kedge.definitions.io_managers import InputContext as InputContext
    from kedge.definitions.io_managers import IOManager as IOManager
    from kedge.definitions.io_managers import OutputContext as OutputContext
    from kedge.definitions.io_managers import io_manager as io_manager
    from kedge.definitions.jobs import JobDefinition as JobDefinition
    from kedge.definitions.jobs import job as job
    from kedge.definitions.models import Config as Config
    from kedge.definitions.models import ConfigurableIOManager as ConfigurableIOManager
    from kedge.definitions.models import ConfigurableResource as ConfigurableResource
    from kedge.definitions.models import PermissiveConfig as PermissiveConfig
    from kedge.definitions.models import RunConfig as RunConfig
    from kedge.definitions.ops import OpDefinition as OpDefinition
    from kedge.definitions.ops import op as op
    from kedge.definitions.resources import ResourceDefinition as ResourceDefinition
    from kedge.definitions.resources import ResourceParam as ResourceParam
    from kedge.definitions.resources import build_resources as build_resources
    from kedge.definitions.resources import resource as resource
    from kedge.definitions.values import AssetMaterialization as AssetMaterialization
    from kedge.definitions.values import AssetObservation as AssetObservation
    from kedge.definitions.values import DynamicOutput as DynamicOutput
    from kedge.definitions.values import ExpectationResult as ExpectationResult
    from kedge.definitions.values import Failure as Failure
    from kedge.definitions.values import Nothing as Nothing
    from kedge.definitions.values import Output as Output
    from kedge.definitions.values import RetryRequested as RetryRequested
    from kedge.local.inprocess import ExecuteInProcessResult as ExecuteInProcessResult

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
        DagsterHomeNotSetError DagsterImportError DagsterUserCodeProcessError
        DagsterExecutionInterruptedError DagsterUserCodeExecutionError DagsterExecutionStepExecutionError
        DagsterExecutionLoadInputError DagsterExecutionHandleOutputError DagsterTypeCheckError
        DagsterTypeLoadingError DagsterResourceFunctionError DagsterConfigMappingFunctionError
        DagsterUserCodeLoadError HookExecutionError PartitionExecutionError JobError CheckError
        ParameterCheckError NotImplementedCheckError PlanError ProtocolError""",
    "core.retry": "Backoff Jitter RetryPolicy",
    "definitions.config": """Array BoolSource Enum EnumValue EnvVar Field IntSource Map Noneable Permissive
        ScalarUnion Selector Shape StringSource""",
    "definitions.configured": "configured",
    "definitions.contexts": "OpExecutionContext",
    "definitions.graphs": "GraphDefinition graph",
    "definitions.hooks": "HookContext HookDefinition failure_hook success_hook",
    "definitions.ins_outs": "DynamicOut GraphIn GraphOut In Out",
    "definitions.invoke": "build_op_context",
    "definitions.io_managers": """IOManager IOManagerDefinition InputContext InputManager OutputContext
        build_input_context build_output_context input_manager io_manager""",
    "definitions.jobs": "JobDefinition job",
    "definitions.logs": "get_dagster_logger",
    "definitions.models": """Config ConfigurableIOManager ConfigurableIOManagerFactory ConfigurableResource
        ConfigurableResourceFactory PermissiveConfig RunConfig""",
    "definitions.ops": "OpDefinition op",
    "definitions.resources": """InitResourceContext ResourceDefinition ResourceParam build_init_resource_context
        build_resources make_values_resource resource""",
    "definitions.types": """DagsterType PythonObjectDagsterType TypeCheck make_python_type_usable_as_dagster_type
        usable_as_dagster_type""",
    "definitions.values": """AssetMaterialization AssetObservation DynamicOutput ExpectationResult Failure Nothing
        Output RetryRequested""",
    "io.in_memory": "mem_io_manager",
    "io.managers": "fs_io_manager",
    "worker.lazy": "LazyList",
    "local.inprocess": "ExecuteInProcessResult",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'kedge' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"kedge.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
