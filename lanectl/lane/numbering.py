"""Gives the jobs of an attempt their custom ids."""

from collections.abc import Iterator, Sequence

from lanectl.lane.context import Lane
from lanectl.plan.custom_id import custom_id
from lanectl.state.attempts import Sending
from lanectl.state.runs import find_jobs


def sendings_of(lane: Lane, run: str, number: int, jobs: Sequence[int]) -> Iterator[Sending]:
    """The custom ids of some of a run's jobs, by their ascending numbers, in one attempt."""
    install = lane.identity.install
    for job in find_jobs(lane.db, run, jobs):
        yield Sending(custom_id(install, run, number, job.n, job.key), job.n)
