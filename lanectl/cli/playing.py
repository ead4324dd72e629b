"""Plays the demo: picks what this folder has to show, sends it to the sandbox, and reads the morning."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lanectl.cli.exits import trouble_of_submitted
from lanectl.cli.find import recipe_of
from lanectl.cli.pulling import pulled_answer
from lanectl.digest.model import SANDBOX
from lanectl.digest.words import counted
from lanectl.errors import LanectlError
from lanectl.lane.estimate import estimate
from lanectl.lane.prepare import Wishes
from lanectl.lane.pull import pull
from lanectl.lane.submit import Submitted, submit
from lanectl.recipe.tables import FilesSource, PullRequestsSource, Recipe, RunTable
from lanectl.render.answer import Answer
from lanectl.render.planned import draw_submitted, submitted_data
from lanectl.state.runs import get_run

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.context import Lane
    from lanectl.render.screen import Screen

JOBS = 8
ENOUGH = 3
WAIT_S = 90.0
NOTES = (
    "the retry loop sleeps before it looks at the clock, so a deadline of zero still waits once",
    "config values from the environment win over the file, but an empty variable counts as a value",
    "two workers may both see the cache entry as missing and compute it twice",
    "the parser accepts a trailing comma in lists and refuses it in tables",
    "deleting a user leaves their sessions valid until they expire by themselves",
    "the export writes local times without an offset, and the import reads them as UTC",
    "a failed upload is retried with the same temporary name, which a second process may hold",
    "page numbers begin at zero in the API and at one in the links it returns",
)
SAMPLE = {
    "name": "demo-notes",
    "description": "Turn rough notes into bug reports",
    "lane": {"model": "claude-haiku-5-5", "effort": "medium", "max_tokens": 4000},
    "prefix": {"system": "You turn a rough note about a defect into a short bug report for a maintainer."},
    "source": {"kind": "text", "lines": True},
    "job": {"key": "{{ item.name }}", "prompt": "Write the bug report for this note:\n\n{{ item.text }}\n"},
    "output": {"kind": "markdown"},
}


def played(desk: "Desk", repo: Path) -> Answer:
    """The journey with a sentence at each step; the digest and what to type next are the answer."""
    screen = desk.screen
    if not screen.json:
        screen.say(f"lanectl demo ({SANDBOX})")
    with desk.lasting_lane() as lane:
        asked = Wishes(repo=repo, limit=JOBS, again=True, yes=True, out=desk.settings.data_dir / "demo")
        sent = _sent(desk, lane, repo, asked)
        if sent.run is None:
            return Answer({"runs": [submitted_data(sent)]}, trouble=trouble_of_submitted(sent))
        screen.note(f"sent {counted(sent.jobs, 'job')} of {sent.recipe}; batches of the sandbox take seconds")
        pulled = pull(lane, get_run(lane.db, sent.run), wait=True, timeout_s=WAIT_S)
        morning = pulled_answer(pulled, waited=True)
    recipe = sent.recipe if sent.recipe != SAMPLE["name"] else "pr-review"

    def draw(screen: "Screen") -> None:
        draw_submitted(screen, sent)
        morning.draw(screen)
        screen.title("Next")
        screen.say("lanectl recipes list                what else it can do at night")
        screen.say(f"lanectl estimate {recipe:<18} what it would cost for real, on both lanes")
        screen.say(f"lanectl submit {recipe + ' --limit 3':<20} the first real night, then: lanectl pull")
        screen.say()
        screen.prose(f"This was the {SANDBOX}, and nothing was written into {repo.resolve()}.")

    trouble = trouble_of_submitted(sent) or morning.trouble
    return Answer({"runs": [submitted_data(sent)], "pulled": morning.data}, draw, trouble=trouble)


def _sent(desk: "Desk", lane: "Lane", repo: Path, asked: Wishes) -> Submitted:
    """Send the first of the candidates that has enough to show here, or the one that has most."""
    most, best = 0, None
    for recipe, stdin in _candidates(desk, repo):
        wanted = replace(asked, stdin=stdin)
        try:
            jobs = estimate(lane, recipe, wanted, offline=True).jobs
        except LanectlError as error:
            # No repository, no merges, no readable file: the next candidate needs less.
            desk.screen.detail(f"{recipe.name}: {error}")
            continue
        if jobs > most:
            most, best = jobs, (recipe, wanted)
        if most >= ENOUGH:
            break
    if best is None:
        raise LanectlError("the demo found nothing to send", where=str(repo), hint="lanectl demo --repo DIR")
    return submit(lane, *best)


def _candidates(desk: "Desk", repo: Path) -> Iterator[tuple[Recipe, tuple[str, ...] | None]]:
    """Reviews of the last merges, then one file at a time, then notes that come with the demo."""
    quick = RunTable(pilot=0, repeat="always")
    review = recipe_of(desk, "pr-review", repo)
    merges = PullRequestsSource.model_validate({"kind": "pull-requests", "from": "merges", "limit": JOBS})
    yield review.model_copy(update={"source": merges, "run": quick}), None
    codemod = recipe_of(desk, "codemod", repo)
    if isinstance(codemod.source, FilesSource):
        few = codemod.source.model_copy(update={"limit": JOBS})
        yield codemod.model_copy(update={"source": few, "run": quick}), None
    sample = Recipe.model_validate({**SAMPLE, "path": None, "sha256": "", "origin": "bundled"})
    yield sample.model_copy(update={"run": quick}), tuple(f"{note}\n" for note in NOTES)
