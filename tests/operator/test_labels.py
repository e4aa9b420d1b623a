"""Names and labels: short enough, of the right letters, the same for the same attempt and different for others."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.core.ids import StepKey
from kedge_operator import labels
from kedge_operator.labels import Reason

DNS_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")

TEXTS = st.text(max_size=300)
ATTEMPTS = st.integers(1, 10**9)
OPS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,80}(\.[A-Za-z0-9_]{1,60}){0,3}", fullmatch=True)
KEYS = st.lists(st.from_regex(r"[A-Za-z0-9_]{1,80}", fullmatch=True), max_size=3)


@st.composite
def steps(draw: st.DrawFn) -> StepKey:
    keys = draw(KEYS)
    return StepKey.parse(draw(OPS) + (f"[{','.join(keys)}]" if keys else ""))


@given(TEXTS, TEXTS, TEXTS, TEXTS, ATTEMPTS)
def test_a_pods_name_is_always_one(job: str, uid: str, op: str, digest: str, attempt: int) -> None:
    name = labels.pod_name(job, uid, op, digest, attempt)
    assert len(name) <= 63
    assert DNS_1123.fullmatch(name), name
    assert name == labels.pod_name(job, uid, op, digest, attempt)


@given(st.lists(st.tuples(st.uuids(), steps(), ATTEMPTS), min_size=2, max_size=5, unique=True))
def test_other_runs_steps_and_attempts_have_other_pods(attempts: list[tuple[object, StepKey, int]]) -> None:
    names = {labels.pod_name("job", str(uid), step.op, step.digest, number) for uid, step, number in attempts}
    assert len(names) == len(attempts)


@pytest.mark.parametrize(
    ("job", "op", "start"),
    [
        ("sizes", "report", "sizes-report-"),
        ("sizes", "outer.inner.Score_2", "sizes-outer-inner-score-2-"),
        ("s", "...", "s-x-"),
        ("j" * 60, "o" * 60, f"{'j' * 21}-{'o' * 22}-"),
    ],
)
def test_a_pods_name_tells_its_job_and_op(job: str, op: str, start: str) -> None:
    assert labels.pod_name(job, "uid", op, "0123456789abcdef", 1).startswith(start)


@given(TEXTS)
def test_any_text_makes_a_labels_value(text: str) -> None:
    found = labels.value(text)
    assert len(found) <= 63
    assert LABEL_VALUE.fullmatch(found), found


@given(TEXTS, TEXTS)
def test_other_texts_make_other_values(one: str, other: str) -> None:
    assert (labels.value(one) == labels.value(other)) == (one == other)


@given(st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?", fullmatch=True))
def test_what_is_a_value_already_stays(text: str) -> None:
    assert labels.value(text) == text


@given(steps(), ATTEMPTS)
def test_the_labels_of_a_step_are_labels(step: StepKey, attempt: int) -> None:
    found = labels.of_step("job", "uid", step, attempt)
    assert all(LABEL_VALUE.fullmatch(value) and len(value) <= 63 for value in found.values())
    assert (found[labels.STEP_HASH], found[labels.ATTEMPT]) == (step.digest, str(attempt))


def test_reasons_are_words_in_camel_case() -> None:
    reasons = [value for name, value in vars(Reason).items() if name.isupper()]
    assert len(set(reasons)) == len(reasons)
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", one) for one in reasons)
