"""What became of a run's reviews, for the terminal and as data."""

from typing import TYPE_CHECKING

from lanectl.digest.words import counted
from lanectl.models import JsonValue

if TYPE_CHECKING:
    from lanectl.lane.post import Post, Posted
    from lanectl.outputs.posting import Posting
    from lanectl.render.screen import Screen

SAID = {
    "ready": "to send",
    "sent": "sent",
    "there": "there already",
    "stale": "stale",
    "closed": "closed",
    "withheld": "withheld",
    "unreadable": "unreadable",
    "failed": "failed",
}


def posted_data(done: "Posted") -> dict[str, JsonValue]:
    """Every review with its state and, whole, what was or would be sent."""
    return {"run": done.run, "sent": done.sent, "reviews": [_data(post) for post in done.posts]}


def _data(post: "Post") -> JsonValue:
    what = post.what
    return {
        "key": post.key,
        "number": None if what is None else what.number,
        "state": post.state,
        "detail": post.detail,
        "head": None if what is None else what.head,
        "head_now": None if post.there is None else post.there.head,
        "review": None if what is None or what.review is None else dict(what.review),
        "comment": None if what is None else what.comment,
    }


def draw_posted(screen: "Screen", done: "Posted") -> None:
    """Counts first, then what stays behind and why; what is only looked at is shown whole."""
    counts = [f"{done.count(state)} {said}" for state, said in SAID.items() if done.count(state)]
    screen.say(f"run {done.run}: {', '.join(counts)}")
    for post in done.posts:
        if post.detail:
            screen.say(f"- {_name(post)} {SAID[post.state]}: {post.detail}")
    for post in done.posts:
        if post.state == "ready" and post.what is not None:
            _draw(screen, post.what, renewed=post.there is not None and post.there.comment is not None)
    if done.count("ready") and not done.sent:
        screen.note(screen.typed(f"nothing was sent; send it: lanectl post {done.run} --send"))
    if done.count("stale"):
        screen.note(
            screen.typed(f"review them anew, or send them as they are: lanectl post {done.run} --stale")
        )


def _name(post: "Post") -> str:
    return post.key if post.what is None else f"#{post.what.number}"


def _draw(screen: "Screen", what: "Posting", *, renewed: bool) -> None:
    lasting = "its lasting comment renewed" if renewed else "a lasting comment"
    screen.title(
        f"#{what.number} at {what.head[:12]}: {counted(what.on_lines, 'comment')} on lines, {lasting}"
    )
    comments = what.review["comments"] if what.review else []
    for each in comments if isinstance(comments, list) else ():
        if isinstance(each, dict):
            screen.say(f"{each['path']}:{each['line']}")
            screen.say(f"{each['body']}\n")
    screen.say(what.comment.removeprefix(what.marker).strip())
