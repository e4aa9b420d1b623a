"""Names of Dagster's public API that Kedge does not have: why, and what to use. Looked at when one is asked for."""

from __future__ import annotations

import re

_ASSETS = "Kedge has no software-defined assets; yield AssetMaterialization from an op to say what it wrote"
_TIME = "Kedge has no partitions by time, of several dimensions or added while running; use StaticPartitionsDefinition"
_CLOCK = (
    "Kedge has no schedules and sensors yet; start a run with `kubectl apply` or `kedge run`, from a CronJob for one"
)
_CODE = "Kedge has no code locations: a job is found by its name, `module:job`"
_PIPES = "Kedge has no Pipes: a step is a process or a pod of its own; give it another image with the tag kedge/pod"
_COMPONENTS = "Kedge has no components; define ops and jobs in Python"
_EXECUTORS = "Kedge runs steps itself; use in_process_executor, multiprocess_executor or k8s_job_executor"
_STORAGE = "Kedge keeps runs in one object store, $KEDGE_STORE, and has no parts to choose"
_FILES = "Kedge has no file manager; give the value out, and the I/O manager stores it"

_REASONS: tuple[tuple[str, str], ...] = (
    (
        r"(Daily|Hourly|Weekly|Monthly|TimeWindow|Multi|Dynamic)Partition.*|TimeWindow|.*PartitionsPartitionMapping",
        _TIME,
    ),
    (r"(daily|hourly|weekly|monthly|dynamic)_partitioned_config|PartitionKeyRange|.*PartitionMapping", _TIME),
    (r"(Add|Delete)DynamicPartitionsRequest|PartitionMapping|MultiPartition.*|partition_loading_context", _TIME),
    (r".*([Ss]ensor|[Ss]chedule).*|RunRequest|SkipReason|Automation.*|RunStatusChange.*|Run(Failure|Status).*", _CLOCK),
    (r"evaluate_automation_conditions|EvaluateAutomationConditionsResult|SubmitRunContext|BackfillPolicy", _CLOCK),
    (r"Pipes.*|open_pipes_session", _PIPES),
    (
        r".*[Cc]omponent.*|Resol.*|Model|Scaffold.*|scaffold_with|template_var|Injected|UPathDefsStateStorage",
        _COMPONENTS,
    ),
    (r"DefsFolder.*|load_defs|load_from_defs_folder|FunctionComponent|UvRun.*", _COMPONENTS),
    (r"Definitions|definitions|repository|Repository.*|load_definitions.*|.*Selector|with_resources", _CODE),
    (r"create_repository_using_definitions_args|BindResourcesToJobs|DagsterLibraryRegistry", _CODE),
    (
        r"Executor|ExecutorRequirement|InitExecutorContext|StepLauncher|.*step_run_ref.*|StepRunRef|run_step_from_ref",
        _EXECUTORS,
    ),
    (r"multiple_process_executor_requirements|QueuedRunCoordinator|DefaultRunLauncher", _EXECUTORS),
    (r"local_file_manager|FileHandle|LocalFileHandle", _FILES),
    (r"migrate_io_storage|MigrateIOStorageResult|PaginatedResults|EventRecords.*|RunSharded.*", _STORAGE),
    (r".*[Aa]sset.*|materialize.*|MaterializeResult|ObserveResult|observable_source.*|.*Materialize.*", _ASSETS),
    (
        r"multi_observable.*|.*FreshnessPolicy|apply_freshness_policy|build_(column|metadata|last|time).*|Data(Version|Provenance).*",
        _ASSETS,
    ),
    (
        r".*CodeReference.*|AnchorBased.*|FilePathMapping|link_code_references_to_git|with_source_code_references",
        _ASSETS,
    ),
    (r"(Beta|Preview|Supersession|ConfigArgument)Warning|deprecation_warning", "Kedge gives no such warnings"),
    (r"MAX_RUNTIME_SECONDS_TAG", "a run's longest time is activeDeadlineSeconds of its manifest"),
    (r"TableColumn(Dep|Lineage|LineageMetadataValue)", _ASSETS),
)


def reason(name: str) -> str | None:
    """Why Kedge has no such name; None for one that Dagster does not have either."""
    for pattern, why in _REASONS:
        if re.fullmatch(pattern, name):
            return why
    return None
