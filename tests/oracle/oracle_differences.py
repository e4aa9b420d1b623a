"""Where Kedge does something else than Dagster on purpose: what it does, and why. Nothing else may differ."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """What Kedge's observation is instead, and the reason."""

    kedge: Any
    reason: str


_EARLY = "Kedge refuses when the job is defined what Dagster finds at its first run."
_MODEL = "A value that a model refuses is a fault of the run config, found before any step; in Dagster a step fails."
_ATOMIC = "An attempt counts as a whole: what it had loaded or given before it failed is not kept, so it is not told."
_SUPERSET = "Kedge takes more than Dagster here; what Dagster takes means the same."

DIFFERENCES: dict[str, Difference] = {
    "dynamic.dynamic_below_dynamic": Difference([None, None], "Kedge allows a map inside a map, to any depth."),
    "dynamic.fan_in_of_collects": Difference(None, f"{_SUPERSET} A fan-in list may hold collected lists."),
    "corners.fan_in_of_clones_inside_a_map": Difference(None, f"{_SUPERSET} A fan-in list may stand inside a map."),
    "corners.model_float_takes_an_int": Difference(
        ["1.0", "1.5", "DagsterInvalidConfigError", "DagsterInvalidConfigError"],
        "A bool is no number in a config schema of either; Dagster's models let one pass for a float.",
    ),
    "composition.job_that_returns_an_output": Difference(None, f"{_SUPERSET} A job may return its output."),
    "outputs.namedtuple_annotation": Difference(None, f"{_SUPERSET} A NamedTuple annotation types several outputs."),
    "types_of_values.union_annotation": Difference(None, f"{_SUPERSET} A union of types is checked."),
    "config.a_wrong_config_carried_by_the_job": Difference("DagsterInvalidConfigError", _EARLY),
    "resources.unknown_resource_at_definition": Difference("DagsterInvalidDefinitionError", _EARLY),
    "hooks.hook_needs_a_resource_that_is_missing": Difference("DagsterInvalidDefinitionError", _EARLY),
    "io.unknown_io_manager_key": Difference("DagsterInvalidDefinitionError", _EARLY),
    "refusals.graph_two_outputs_undeclared": Difference(
        "DagsterInvalidDefinitionError",
        "Dagster keeps one of the two outputs without a word; Kedge asks for names.",
    ),
    "refusals.config_twice": Difference(
        "DagsterInvalidDefinitionError", "Dagster's error is one of its internal argument checks."
    ),
    "refusals.odd_names_allowed": Difference(
        {
            "1": "DagsterInvalidDefinitionError",
            "9a": "DagsterInvalidDefinitionError",
            "A": None,
            "__x__": None,
            "_a": None,
            "class_": None,
        },
        "A name that starts with a digit can't be a field of the outputs' named tuple, nor a step key of Kedge.",
    ),
    "direct.wrong_arguments": Difference(
        ["DagsterInvalidInvocationError"] * 3,
        "Dagster drops an unknown keyword of a direct call without a word; in Kedge it is an error.",
    ),
    "retries.retry_requested_default_limit": Difference(
        [
            {"success": False, "started": ["work"], "restarted": ["work"], "failed": ["work"]},
            [0, 1],
            ["DagsterMaxRetriesExceededError"],
        ],
        "The failed step says what execute_in_process raises: that the op's own limit was reached.",
    ),
    "types_of_values.type_check_that_raises": Difference(
        ["DagsterExecutionStepExecutionError", "ValueError"],
        "A type's check is user code, and its error is shown as such.",
    ),
    "models.scalars_and_defaults": Difference(
        [
            [1, "x", 1.5, False],
            [1, "y", 2.0, True],
            ["RUNTIME_TYPE_MISMATCH"],
            ["RUNTIME_TYPE_MISMATCH", "RUNTIME_TYPE_MISMATCH"],
            ["FIELD_NOT_DEFINED"],
            ["MISSING_REQUIRED_FIELD"],
            ["RUNTIME_TYPE_MISMATCH"],
            ["RUNTIME_TYPE_MISMATCH"],
            ["FAILED_POST_PROCESSING"],
        ],
        _MODEL,
    ),
    "models.validator_on_the_model": Difference(
        ["ValidationError", 20, [30, ["FAILED_POST_PROCESSING"]]],
        _MODEL,
    ),
    "resources_more.function_resource_in_a_model_is_torn_down": Difference(
        ["thing", ["open", "close"]], f"{_SUPERSET} A generator resource may stand in a field of another."
    ),
    "types_more.literal_annotation": Difference(None, f"{_SUPERSET} A Literal annotation is checked."),
    "types_more.input_of_a_type_without_loader": Difference(
        "DagsterTypeCheckDidNotPass",
        f"{_SUPERSET} An unconnected input of any type is allowed: it may get its value as an input value.",
    ),
    "results.events_of_an_input_of_the_wrong_type": Difference(["STEP_START", "STEP_FAILURE"], _ATOMIC),
    "results.events_of_an_output_of_the_wrong_type": Difference(["STEP_START", "STEP_FAILURE"], _ATOMIC),
    "results.events_of_an_attempt_that_failed_half_way": Difference(
        ["STEP_START", "ASSET_MATERIALIZATION", "STEP_FAILURE"], _ATOMIC
    ),
    "results.events_of_a_resource_that_fails": Difference(
        [False, {"": ["PIPELINE_START", "PIPELINE_FAILURE"], "work": ["STEP_START", "STEP_FAILURE"]}],
        "Resources are started with the steps that need them, so the failure is one of a step.",
    ),
    "results.output_of_an_empty_fan_out": Difference({}, f"{_SUPERSET} A fan-out of nothing is an empty dict."),
    "results.events_about_the_machine": Difference(
        [], "Kedge's events tell of the run and its steps; where they ran stands in `kedge steps` and the logs."
    ),
    "selection.unknown_or_malformed": Difference(
        ["DagsterInvalidSubsetError"] * 7, "Two marks on one side, `*+a`, are malformed; Dagster takes the first."
    ),
}
