"""A pull's answer: the runs, the digest over them, and how it ended."""

from lanectl.cli.exits import end_of_pull
from lanectl.lane.pull import Pulled
from lanectl.render.answer import Answer
from lanectl.render.pulled import draw_pulled, pulled_data


def pulled_answer(pulled: Pulled, *, waited: bool) -> Answer:
    """What a pull did, with its digest."""
    code, trouble = end_of_pull(pulled, waited=waited)
    return Answer(pulled_data(pulled), lambda screen: draw_pulled(screen, pulled), code, trouble)
