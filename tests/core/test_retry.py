from __future__ import annotations

from typing import Any

import pytest

from kedge.core.errors import DagsterInvalidDefinitionError
from kedge.core.retry import Backoff, Jitter, RetryPolicy, delay_before, jitter_of


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        (RetryPolicy(4), [0, 0, 0]),
        (RetryPolicy(4, 3), [3, 3, 3]),
        (RetryPolicy(4, 3, Backoff.LINEAR), [3, 6, 9]),
        (RetryPolicy(4, 3, Backoff.EXPONENTIAL), [3, 9, 21]),
    ],
)
def test_delays_are_dagsters(policy: RetryPolicy, delays: list[float]) -> None:
    assert [delay_before(policy, n, 0.3) for n in (1, 2, 3)] == delays


@pytest.mark.parametrize(
    ("jitter", "share", "delay"),
    [
        (Jitter.FULL, 0.0, 0),
        (Jitter.FULL, 0.5, 10.5),
        (Jitter.PLUS_MINUS, 0.0, 18),
        (Jitter.PLUS_MINUS, 0.5, 21),
        (Jitter.PLUS_MINUS, 0.75, 22.5),
    ],
)
def test_jitter_is_full_or_one_base_delay_to_either_side(jitter: Jitter, share: float, delay: float) -> None:
    assert delay_before(RetryPolicy(9, 3, Backoff.EXPONENTIAL, jitter), 3, share) == delay


def test_a_thousandth_exponential_retry_still_has_a_delay() -> None:
    late = delay_before(RetryPolicy(5000, 1.5, Backoff.EXPONENTIAL), 3000, 0.0)
    assert late == delay_before(RetryPolicy(5000, 1.5, Backoff.EXPONENTIAL), 64, 0.0)


def test_jitter_is_the_same_for_the_same_attempt_and_spread_over_others() -> None:
    found = [jitter_of("run", f"op[{i}]", 1) for i in range(1000)]
    assert found[7] == jitter_of("run", "op[7]", 1)
    assert jitter_of("run", "op[7]", 2) != found[7] != jitter_of("other", "op[7]", 1)
    assert all(0 <= one < 1 for one in found)
    assert 0.45 < sum(found) / 1000 < 0.55


def test_a_policy_is_one_retry_unless_told() -> None:
    assert RetryPolicy().max_retries == 1
    assert RetryPolicy.from_json({}) == RetryPolicy()


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_retries": -1},
        {"max_retries": True},
        {"max_retries": 1.5},
        {"delay": -1},
        {"delay": float("nan")},
        {"delay": float("inf")},
        {"backoff": Backoff.LINEAR},
        {"jitter": Jitter.FULL},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DagsterInvalidDefinitionError, match="RetryPolicy: "):
        RetryPolicy(**wrong)


@pytest.mark.parametrize("backoff", [None, *Backoff])
@pytest.mark.parametrize("jitter", [None, *Jitter])
def test_policies_survive_json(backoff: Backoff | None, jitter: Jitter | None) -> None:
    policy = RetryPolicy(2, 0.5, backoff, jitter)
    assert RetryPolicy.from_json(policy.to_json()) == policy
