"""The events of a whole run, in the order in which things happened, made out of its outcome records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kedge.core.actions import RunStatus
from kedge.core.bindings import bind
from kedge.core.events import Begin, Ended
from kedge.core.ids import StepKey
from kedge.core.protocol import Binding, Failure, Outcome, OutcomeStatus
from kedge.core.run import History, Run
from kedge.core.state import StepState
from kedge.definitions.dagster_runs import DagsterRun
from kedge.definitions.events import DagsterEvent, JobFailureData
from kedge.definitions.ops import OpDefinition
from kedge.worker.telling import StepTeller, skipped_event


class RunTeller:
    """Tells of a run. `definitions` may lack ops whose code can't be loaded: less is said of them then.

    `outcomes` are in the order in which they were taken in; `run` is the run as they left it.
    """

    def __init__(
        self,
        run: Run,
        outcomes: Sequence[Outcome],
        dagster_run: DagsterRun,
        definitions: Mapping[str, OpDefinition],
        history: History | None = None,
    ) -> None:
        self._run = run
        self._outcomes = outcomes
        self._dagster_run = dagster_run
        self._definitions = definitions
        self._history = history

    def tell(self) -> Iterator[DagsterEvent]:
        """All events, in order."""
        job = self._dagster_run.job_name
        yield self._event("PIPELINE_START", f'Started execution of run for "{job}".', at=self._began())
        failures = []
        for outcome, skipped in self._with_skips():
            if outcome is not None:
                for event in self._step(outcome):
                    if event.event_type_value == "STEP_FAILURE":
                        failures.append(event)
                    yield event
            for key in skipped:
                yield skipped_event(key, self._dagster_run.run_id, job)
        yield from self._end(failures)

    def _began(self) -> float | None:
        times = [one.times.started for one in self._outcomes if one.times is not None]
        return min(times, default=None)

    def _end(self, failures: Sequence[DagsterEvent]) -> Iterator[DagsterEvent]:
        job, status = self._dagster_run.job_name, self._run.status
        times = [one.times.ended for one in self._outcomes if one.times is not None and one.times.ended is not None]
        at = max(times, default=None)
        if status is RunStatus.SUCCEEDED:
            yield self._event("PIPELINE_SUCCESS", f'Finished execution of run for "{job}".', at=at)
        elif status is RunStatus.CANCELLED:
            yield self._event("PIPELINE_CANCELED", f'Execution of run for "{job}" canceled.', at=at)
        elif status is RunStatus.FAILED:
            first = failures[0] if failures else None
            data = JobFailureData(None if first is None else first.step_failure_data.error, first)
            steps = [event.step_key for event in failures]
            what = f'Execution of run for "{job}" failed. Steps failed: {steps}.'
            yield self._event("PIPELINE_FAILURE", what, data, at)

    def _event(self, kind: str, message: str, data: object = None, at: float | None = None) -> DagsterEvent:
        run = self._dagster_run
        tags = {"run_id": run.run_id, "job_name": run.job_name}
        return DagsterEvent(kind, run.job_name, None, None, data, message, tags, at)

    def _step(self, outcome: Outcome) -> Iterator[DagsterEvent]:
        step = self._run.state.steps.get(outcome.step)
        final = step is None or (step.attempt == outcome.attempt and step.ended)
        failure = step.failure if step is not None and final else None
        if outcome.status is not OutcomeStatus.SUCCEEDED and outcome.failure is None:
            failure = failure or Failure("Unknown", "the outcome gives no reason")
        inputs: Mapping[str, Binding] = bind(self._run.state, step) if step is not None else {}
        teller = StepTeller(
            self._definitions.get(outcome.step.op),
            outcome,
            inputs,
            run_id=self._dagster_run.run_id,
            job_name=self._dagster_run.job_name,
            final=final,
            failure=failure,
        )
        return teller.tell()

    def _with_skips(self) -> Iterator[tuple[Outcome | None, Sequence[StepKey]]]:
        """Each outcome, and the steps that were skipped because of it; first those skipped at once."""
        if not self._run.state.counts[StepState.SKIPPED]:
            yield from ((outcome, ()) for outcome in self._outcomes)
            return
        again = Run(self._run.plan, self._run.settings, self._history)
        told: set[StepKey] = set()
        again.apply(Begin(0.0))
        yield None, _new_skips(again, told)
        for outcome in self._outcomes:
            again.apply(Ended(outcome, 0.0))
            yield outcome, _new_skips(again, told)


def _new_skips(run: Run, told: set[StepKey]) -> Sequence[StepKey]:
    if run.state.counts[StepState.SKIPPED] == len(told):
        return ()
    found = [step.key for step in run.state.steps.values() if step.state is StepState.SKIPPED and step.key not in told]
    told.update(found)
    return found
