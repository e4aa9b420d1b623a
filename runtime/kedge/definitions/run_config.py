"""A run config checked as a whole against a job: every fault at once, each with its path.

Shape (Dagster's): `ops: {name: {config, inputs, ops: {nested}}}`, `resources: {key: {config}}`, `inputs`,
`execution`, `loggers`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kedge.core.errors import DagsterInvalidConfigError
from kedge.definitions import io_config
from kedge.definitions.flatten import FlatOp, RootInput
from kedge.definitions.graphs import GraphDefinition
from kedge.definitions.ins_outs import NO_VALUE
from kedge.definitions.resource_scope import resolve_configs
from kedge.definitions.resources import ResourceDefinition

_NONE: Mapping[str, Any] = {}
_SECTIONS = ("ops", "resources", "inputs", "execution", "loggers")


class RunConfigSchema(NamedTuple):
    """What a run config is checked against: the parts of one job. `needed` are the keys of resources in use."""

    job: str
    graph: GraphDefinition
    ops: Mapping[str, FlatOp]
    resources: Mapping[str, ResourceDefinition]
    needed: frozenset[str]
    executor: Any = None
    loggers: Mapping[str, Any] = {}
    check_executor: bool = True


@dataclass
class ResolvedConfig:
    """A run config after the check. `ops` holds what the functions get; `plain` the same as plain data.

    `asked` is what the run was given, `given` what that makes with the job's own config.

    `execution` and `loggers` hold what the executor and each logger in use are given.
    """

    ops: dict[str, Any] = field(default_factory=dict)
    plain: dict[str, Any] = field(default_factory=dict)
    inputs: dict[tuple[str, str], Any] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    io: io_config.IOConfig = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    execution: Any = None
    loggers: dict[str, Any] = field(default_factory=dict)


def plain_run_config(given: Any) -> Mapping[str, Any]:
    """What was passed as run config, as a mapping; a RunConfig or a model is turned into one."""
    if given is None:
        return {}
    if hasattr(given, "to_config_dict"):
        return {section: content for section, content in given.to_config_dict().items() if content}
    if not isinstance(given, Mapping):
        raise DagsterInvalidConfigError(f"a run config is a mapping or a RunConfig, not {given!r}")
    return given


def merge_defaults(default: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The job's own config under a given one: an entry that is given replaces the job's, and is not merged with it."""
    found = dict(default)
    for section, content in given.items():
        if section in ("ops", "resources", "inputs", "loggers") and isinstance(content, Mapping):
            found[section] = {**(found.get(section) or {}), **content}
        else:
            found[section] = content
    return found


def resolve(schema: RunConfigSchema, given: Mapping[str, Any], available: Mapping[str, Any]) -> ResolvedConfig:
    """Check `given` against a job. `available` holds input values that need no config.

    Raises DagsterInvalidConfigError with all faults, and DagsterConfigMappingFunctionError when a mapping raises.
    """
    errors: list[Any] = []
    for section in given:
        if section not in _SECTIONS:
            errors.append(f"{section}: unknown section; there are {', '.join(_SECTIONS)}")
    found = ResolvedConfig(given=given)
    entries = _Entries(schema, errors)
    entries.read(given.get("ops"))
    roots = _Roots(schema, entries.inputs, given.get("inputs"), available, errors)
    for op in schema.ops.values():
        entry = entries.ops.get(op.name, _NONE)
        definition = op.definition
        if not (entry or definition.inputs or definition.config_field or schema.resources):
            continue  # a wide job has thousands of these
        if entries.broken and entries.is_broken(op.name):
            continue  # what a mapping would have given it is not known
        _resolve_op(op, entry, found, errors)
        _resolve_inputs(op, entry.get("inputs") or _NONE, roots, found, errors)
        if entry or schema.resources:
            io_config.resolve(op, entry, schema.resources, _path_of(op.name), found.io, errors)
    found.resources = resolve_configs(schema.resources, sorted(schema.needed), given.get("resources") or {}, errors)
    _resolve_execution(schema, given, found, errors)
    if errors:
        raise DagsterInvalidConfigError(f"Error in config for job {schema.job}", errors)
    return found


def _resolve_execution(
    schema: RunConfigSchema, given: Mapping[str, Any], found: ResolvedConfig, errors: list[Any]
) -> None:
    if (schema.executor is not None and schema.check_executor) or given.get("execution"):
        from kedge.definitions import executors

        executor = schema.executor or executors.multi_or_in_process_executor
        found.execution = executors.resolve(
            executor if schema.check_executor else None, given.get("execution") or {}, errors
        )
    if schema.loggers or given.get("loggers"):
        from kedge.definitions import loggers

        found.loggers = loggers.resolve(schema.loggers, given.get("loggers") or {}, errors)


class _Entries:
    """The entries of the `ops` section by flat name: of ops in `ops`, and the `inputs` of graphs in `inputs`.

    A graph with a config mapping takes `config`; the entries of the ops in it are what the mapping makes of that.
    """

    def __init__(self, schema: RunConfigSchema, errors: list[Any]) -> None:
        self.ops: dict[str, Mapping[str, Any]] = {}
        self.inputs: dict[str, Mapping[str, Any]] = {}
        self.broken: list[str] = []
        self._schema = schema
        self._errors = errors

    def read(self, given: Any) -> None:
        """Take in the section."""
        graph = self._schema.graph
        if graph.has_config_mapping:
            if given is not None and not (isinstance(given, Mapping) and set(given) <= {"config"}):
                self._errors.append(
                    f"ops: graph {graph.name} maps its config: give ops: {{config: ...}}, got {given!r}"
                )
                self.broken.append("")
                return
            given = self._mapped(graph, "", "ops", given or {})
        self._section(given or {}, "", graph)

    def is_broken(self, op: str) -> bool:
        """Whether a mapping above this op could not say its config."""
        return any(op.startswith(prefix) for prefix in self.broken)

    def _section(self, given: Any, prefix: str, graph: GraphDefinition | None) -> None:
        if not isinstance(given, Mapping):
            self._errors.append(f"{_path_of(prefix.rstrip('.'), 'ops')}: expected a mapping, got {given!r}")
            return
        for name, entry in given.items():
            self._entry(f"{prefix}{name}", entry, self._graph_in(graph, name))
        if graph is not None and graph.maps_config:
            for node in graph.node_dict.values():
                inner = self._graph_in(graph, node.name)
                if (
                    node.name not in given
                    and inner is not None
                    and inner.maps_config
                    and self._is_used(prefix + node.name)
                ):
                    self._entry(f"{prefix}{node.name}", {}, inner)

    def _entry(self, flat: str, entry: Any, graph: GraphDefinition | None) -> None:
        path = _path_of(flat)
        if hasattr(entry, "model_dump"):
            entry = {"config": entry}
        if not isinstance(entry, Mapping):
            self._errors.append(f"{path}: expected a mapping with `config` or `inputs`, got {entry!r}")
        elif flat in self._schema.ops:
            for key in entry:
                if key not in ("config", "inputs", "outputs"):
                    self._errors.append(f"{path}: unknown field {key!r}; an op takes config and inputs")
            self.ops[flat] = entry
        elif self._is_used(flat):
            self._graph_entry(flat, path, entry, graph)
        else:
            known = ", ".join(sorted({one.split(".")[0] for one in self._schema.ops}))
            clone = " (config is given once for the op, not for one clone)" if "[" in flat else ""
            self._errors.append(f"{path}: no such op{clone}; there are {known}")

    def _graph_entry(self, flat: str, path: str, entry: Mapping[str, Any], graph: GraphDefinition | None) -> None:
        maps = graph is not None and graph.has_config_mapping
        takes = ("config" if maps else "ops", "inputs", "outputs")
        for key in entry:
            if key not in takes:
                why = "it maps its config" if maps else "its ops have the config"
                self._errors.append(f"{path}: unknown field {key!r}; graph {flat} takes {takes[0]} and inputs ({why})")
        self.inputs[flat] = entry.get("inputs") or {}
        ops = self._mapped(graph, f"{flat}.", path, entry) if graph is not None and maps else entry.get("ops")
        self._section(ops or {}, f"{flat}.", graph)

    def _mapped(self, graph: GraphDefinition, prefix: str, path: str, entry: Mapping[str, Any]) -> Any:
        given = entry.get("config", NO_VALUE)
        assert graph.config_mapping is not None
        found = graph.config_mapping.map(given, f"graph {graph.name}", f"{path}:config", self._errors)
        if found is None:
            self.broken.append(prefix)
        return found

    def _is_used(self, flat: str) -> bool:
        return any(one.startswith(flat + ".") for one in self._schema.ops)

    @staticmethod
    def _graph_in(graph: GraphDefinition | None, name: str) -> GraphDefinition | None:
        node = None if graph is None else graph.node_dict.get(name)
        return node.definition if node is not None and isinstance(node.definition, GraphDefinition) else None


class _Roots:
    """What is given for the inputs of graphs that nothing feeds: those of the job, and of the graphs in it."""

    def __init__(
        self,
        schema: RunConfigSchema,
        nested: Mapping[str, Mapping[str, Any]],
        top: Any,
        available: Mapping[str, Any],
        errors: list[Any],
    ) -> None:
        self._given = {"": top or {}, **nested}
        self._available = available
        if top or any(nested.values()):
            self._check(schema, errors)

    def _check(self, schema: RunConfigSchema, errors: list[Any]) -> None:
        known = {(root.graph, root.name) for op in schema.ops.values() for root in op.roots.values()}
        for graph, inputs in self._given.items():
            for name in inputs:
                if (graph, name) not in known:
                    where = f"graph {graph}" if graph else f"job {schema.job}"
                    errors.append(
                        f"{_path_of(graph, 'inputs')}:{name}: {where} has no input {name!r} that needs a value"
                    )

    def find(self, root: RootInput | None) -> tuple[str, Any] | None:
        """The path and the config of an input, or None when there is none."""
        if root is None or root.name not in self._given.get(root.graph, {}):
            return None
        return f"{_path_of(root.graph, 'inputs')}:{root.name}", self._given[root.graph][root.name]

    def value(self, root: RootInput | None) -> Any:
        """The input value that was passed in Python, or NO_VALUE."""
        if root is None or root.graph:
            return NO_VALUE
        return self._available.get(root.name, NO_VALUE)


def _path_of(flat: str, section: str = "") -> str:
    """Where an op or graph stands in a run config; with `section`, where that part of it does."""
    path = "ops:" + flat.replace(".", ":ops:") if flat else ""
    return ":".join(part for part in (path, section) if part)


def _resolve_op(op: FlatOp, entry: Mapping[str, Any], found: ResolvedConfig, errors: list[str]) -> None:
    definition_field = op.definition.config_field
    if definition_field is None:
        if entry.get("config") is not None:
            found.ops[op.name] = found.plain[op.name] = entry["config"]
        return
    path = _path_of(op.name, "config")
    if "config" in entry:
        value = definition_field.resolve(entry["config"], path, errors)
        found.plain[op.name] = _plain(entry["config"])
    else:
        value = definition_field.resolve(NO_VALUE, path, errors)
        if value is NO_VALUE:
            value = None
    found.ops[op.name] = value


def _plain(config: Any) -> Any:
    if hasattr(config, "model_dump"):
        from kedge.definitions.models import plain_of

        return plain_of(config)
    try:
        json.dumps(config)
    except (TypeError, ValueError):
        return None
    return config


def _resolve_inputs(
    op: FlatOp, given: Mapping[str, Any], roots: _Roots, found: ResolvedConfig, errors: list[Any]
) -> None:
    if not op.definition.inputs and not given:
        return
    path = _path_of(op.name, "inputs") if given or len(op.inputs) < len(op.definition.inputs) else ""
    for name in given:
        if name not in op.definition.inputs:
            errors.append(f"{path}:{name}: op {op.definition.name} has no such input")
        elif name in op.inputs:
            errors.append(f"{path}:{name}: this input is connected to {op.inputs[name]}, so it takes no config")
    for name, definition in op.definition.inputs.items():
        if name in op.inputs or definition.dagster_type.is_nothing or definition.input_manager_key:
            continue
        root = op.roots.get(name)
        named = (f"{path}:{name}", given[name]) if name in given else roots.find(root)
        if named is not None:
            from kedge.definitions.type_loaders import resolve_input

            found.inputs[op.name, name] = resolve_input(definition.dagster_type, named[1], named[0], errors)
        elif (value := roots.value(root)) is not NO_VALUE:
            found.inputs[op.name, name] = value
        elif definition.has_default_value:
            found.inputs[op.name, name] = definition.default_value
        else:
            errors.append(f"{path}:{name}: no value. Connect the input, or {_ways_to_give(root)}, or give it a default")


def _ways_to_give(root: RootInput | None) -> str:
    if root is None:
        return "give it in the run config"
    place = f"{_path_of(root.graph, 'inputs')}:{root.name}"
    return f"give it in the run config ({place})" + ("" if root.graph else f", or as input value {root.name!r}")
