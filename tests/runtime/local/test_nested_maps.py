"""Maps inside maps, which Dagster does not have: step keys, values, and what `collect` closes."""

from typing import Any

import pytest

import kedge as dg


@dg.op(out=dg.DynamicOut())
def letters() -> Any:
    for key in ("a", "b"):
        yield dg.DynamicOutput(key, key)


@dg.op(out=dg.DynamicOut())
def split(text: str) -> Any:
    for i in range(2):
        yield dg.DynamicOutput(f"{text}{i}", f"k{i}")


@dg.op
def upper(text: str) -> str:
    return text.upper()


@dg.op
def join(parts: list[str]) -> str:
    return "+".join(parts)


@dg.op
def show(parts: Any) -> str:
    return repr(parts)


def started(result: dg.ExecuteInProcessResult) -> list[str | None]:
    return [event.step_key for event in result.all_events if event.event_type_value == "STEP_START"]


def test_a_map_in_a_map_has_a_step_for_each_pair_of_keys() -> None:
    @dg.job
    def job() -> None:
        letters().map(lambda one: split(one).map(upper))

    result = job.execute_in_process()
    assert result.output_for_node("upper") == {
        ("a", "k0"): "A0",
        ("a", "k1"): "A1",
        ("b", "k0"): "B0",
        ("b", "k1"): "B1",
    }
    assert "upper[a,k1]" in started(result)


def test_chained_maps_of_a_nested_output_need_no_lambda() -> None:
    @dg.job
    def job() -> None:
        letters().map(split).map(upper)

    assert started(job.execute_in_process())[-1] == "upper[b,k1]"


def test_collect_closes_the_innermost_map() -> None:
    @dg.job
    def job() -> None:
        show(letters().map(lambda one: join(split(one).map(upper).collect())).collect())

    result = job.execute_in_process()
    assert result.output_for_node("join") == {"a": "A0+A1", "b": "B0+B1"}
    assert result.output_for_node("show") == "['A0+A1', 'B0+B1']"


def test_collect_of_a_collect_is_a_list_of_lists() -> None:
    @dg.job
    def job() -> None:
        show(letters().map(lambda one: split(one).map(upper)).collect().collect())

    assert job.execute_in_process().output_for_node("show") == "[['A0', 'A1'], ['B0', 'B1']]"


def test_collect_once_outside_leaves_one_list_for_each_outer_key() -> None:
    @dg.job
    def job() -> None:
        letters().map(split).map(upper).collect().map(join)

    assert job.execute_in_process().output_for_node("join") == {"a": "A0+A1", "b": "B0+B1"}


def test_three_levels() -> None:
    @dg.job
    def job() -> None:
        deep = letters().map(split).map(split.alias("more")).map(upper)
        show(deep.collect().collect().collect())

    result = job.execute_in_process()
    assert len(result.output_for_node("upper")) == 8
    assert result.output_for_node("show").startswith("[[['A00', 'A01'], ['A10', 'A11']], [['B00'")
    assert "upper[b,k1,k0]" in started(result)


def test_three_levels_written_as_lambdas_with_a_join_at_each() -> None:
    @dg.job
    def job() -> None:
        def inner(two: Any) -> Any:
            return join.alias("low")(split.alias("third")(two).map(upper).collect())

        def outer(one: Any) -> Any:
            return join.alias("mid")(split.alias("second")(one).map(inner).collect())

        join.alias("top")(letters().map(outer).collect())

    result = job.execute_in_process()
    assert result.output_for_node("top") == "A00+A01+A10+A11+B00+B01+B10+B11"


def test_an_inner_clone_reads_the_outer_element_and_an_outside_value() -> None:
    @dg.op
    def prefix() -> str:
        return ">"

    @dg.op
    def build(outside: str, outer: str, inner: str) -> str:
        return outside + outer + inner

    @dg.job
    def job() -> None:
        outside = prefix()
        letters().map(lambda one: split(one).map(lambda two: build(outside, one, two)))

    assert job.execute_in_process().output_for_node("build")["b", "k1"] == ">bb1"


def test_a_failed_inner_clone_blocks_only_its_own_outer_key() -> None:
    @dg.op
    def fragile(text: str) -> str:
        if text == "a1":
            raise ValueError(text)
        return text

    @dg.job
    def job() -> None:
        show(letters().map(lambda one: join(split(one).map(fragile).collect())).collect())

    result = job.execute_in_process(raise_on_error=False)
    assert result.output_for_node("join") == {"b": "b0+b1"}
    assert result.get_failed_step_keys() == {"fragile[a,k1]"}
    assert "show" not in started(result)


def test_an_empty_inner_map_collects_an_empty_list() -> None:
    @dg.op(out=dg.DynamicOut())
    def only_for_b(text: str) -> Any:
        if text == "b":
            yield dg.DynamicOutput(text, "k")

    @dg.job
    def job() -> None:
        show(letters().map(only_for_b).map(upper).collect().collect())

    assert job.execute_in_process().output_for_node("show") == "[[], ['B']]"


def test_the_context_knows_all_keys() -> None:
    seen: list[Any] = []

    @dg.op
    def look(context: dg.OpExecutionContext, text: str) -> None:
        seen.append((context.get_mapping_key(), context.mapping_keys, context.step_key))

    @dg.job
    def job() -> None:
        letters().map(split).map(look)

    job.execute_in_process()
    assert seen[1] == ("k1", ("a", "k1"), "look[a,k1]")


def test_an_inner_element_can_not_be_used_outside_of_its_map() -> None:
    leaked: list[Any] = []

    def keep(one: Any) -> Any:
        leaked.append(one)
        return upper(one)

    with pytest.raises(dg.DagsterInvalidDefinitionError, match="belongs to another map"):

        @dg.job
        def job() -> None:
            letters().map(keep)
            show(leaked[0])


def test_elements_of_two_maps_side_by_side_can_not_meet() -> None:
    leaked: list[Any] = []

    def keep(one: Any) -> Any:
        leaked.append(one)
        return upper(one)

    with pytest.raises(dg.DagsterInvalidDefinitionError, match="belongs to another map"):

        @dg.job
        def job() -> None:
            letters().map(keep)
            letters.alias("more")().map(lambda other: join([leaked[0], other]))


def test_a_lazy_list_loads_members_as_they_are_asked_for() -> None:
    loaded: list[str] = []

    class Counting(dg.IOManager):
        def __init__(self) -> None:
            self.values: dict[Any, Any] = {}

        def handle_output(self, context: Any, obj: Any) -> None:
            self.values[tuple(context.get_identifier())] = obj

        def load_input(self, context: Any) -> Any:
            loaded.append(context.upstream_output.step_key)
            return self.values[tuple(context.get_identifier())]

    @dg.op
    def first(parts: dg.LazyList[str]) -> tuple[int, str, list[str]]:
        before = len(loaded)
        assert (parts[0], len(loaded) - before) == ("A", 1)
        return len(parts), parts[-1], list(parts[:1])

    @dg.job(resource_defs={"io_manager": Counting()})
    def job() -> None:
        first(letters().map(upper).collect())

    assert job.execute_in_process().output_for_node("first") == (2, "B", ["A"])
    assert loaded == ["letters", "letters", "upper[a]", "upper[b]", "upper[a]"]


def test_a_lazy_list_of_an_inner_collect_holds_lists() -> None:
    @dg.op
    def sizes(groups: dg.LazyList[list[str]]) -> list[int]:
        return [len(group) for group in groups]

    @dg.job
    def job() -> None:
        sizes(letters().map(split).map(upper).collect().collect())

    assert job.execute_in_process().output_for_node("sizes") == [2, 2]
