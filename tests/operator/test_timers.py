"""Callbacks by time: each once, in the order of their times, and not before."""

from __future__ import annotations

from kedge_operator.timers import Timers


def test_what_is_due_is_called_in_the_order_of_its_times() -> None:
    timers, called = Timers(), list[str]()
    for when, name in ((3.0, "c"), (1.0, "a"), (2.0, "b"), (1.0, "a2")):
        timers.at(when, lambda name=name: called.append(name))  # type: ignore[misc]
    assert timers.next == 1.0
    timers.fire(2.0)
    assert (called, timers.next) == (["a", "a2", "b"], 3.0)
    timers.fire(9.0)
    timers.fire(9.0)
    assert (called, timers.next) == (["a", "a2", "b", "c"], None)


def test_a_callback_may_set_the_next_one() -> None:
    timers, called = Timers(), list[float]()

    def again(when: float) -> None:
        called.append(when)
        timers.at(when + 1, lambda: again(when + 1))

    timers.at(1.0, lambda: again(1.0))
    timers.fire(3.5)
    assert (called, timers.next) == ([1.0, 2.0, 3.0], 4.0)
