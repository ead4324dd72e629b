"""Post: a run's reviews to GitHub through gh, looked at first; never twice and never an approval."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lanectl.errors import ConfigError, HeldError, LanectlError, NoAccess, TryLater, UsageError
from lanectl.files import Folder
from lanectl.lane.context import PERSON_WAIT_S, Lane
from lanectl.lane.trust import fingerprint, trusted
from lanectl.outputs import posting
from lanectl.outputs.posting import Form, Posting
from lanectl.programs.gh import gh
from lanectl.recipe.load import load
from lanectl.recipe.lookup import listing
from lanectl.sources.place import place
from lanectl.state import answers, runs
from lanectl.state.runs import Run
from lanectl.text.jsontext import dumps
from lanectl.text.secrets import scan

MAX_BYTES = 4 << 20
REPO = "repos/{owner}/{repo}"
# Who wrote a comment is asked for each: anybody may write one that begins with our marker.
QUERY = """query($owner:String!,$name:String!,$number:Int!,$endCursor:String){
repository(owner:$owner,name:$name){pullRequest(number:$number){state headRefOid
reviews(last:100){nodes{body viewerDidAuthor}}
comments(first:100,after:$endCursor){pageInfo{hasNextPage endCursor}
nodes{databaseId body viewerDidAuthor}}}}}"""


@dataclass(frozen=True, slots=True)
class There:
    """A pull request as GitHub has it: its newest commit, and what of ours stands there already."""

    head: str
    open: bool
    review: bool
    comment: int | None
    comment_body: str


@dataclass(frozen=True, slots=True)
class Post:
    """One review on its way: `state` is `ready`, `stale`, `closed`, `withheld`, `unreadable`, `there`, `sent`
    or `failed`; `detail` says why it does not go.
    """

    key: str
    state: str
    detail: str = ""
    what: Posting | None = None
    there: There | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a run's reviews; `trouble` is what ended the sending early."""

    run: str
    sent: bool
    posts: tuple[Post, ...]
    trouble: LanectlError | None = None

    def count(self, *states: str) -> int:
        """How many reviews are in one of these states."""
        return sum(post.state in states for post in self.posts)


def look(lane: Lane, run: Run, *, stale: bool) -> Posted:
    """What would be sent, held against the pull requests as they are now; nothing is sent.

    With `stale` a review of an older commit may go too. Raises `UsageError` for a run without reviews,
    `NoAccess` and `TryLater` from gh.
    """
    found = list(_read(lane, run))
    if not found:
        raise UsageError(f"run {run.id} left no reviews of pull requests", hint=f"lanectl show {run.id}")
    return Posted(run.id, sent=False, posts=tuple(_held_against(run, one, stale=stale) for one in found))


def send(lane: Lane, run: Run, *, stale: bool) -> Posted:
    """Look, and send what is ready: comments on lines first, then the lasting comment, made or renewed.

    Repeated after it was killed it sends what is missing. Raises like `look`, and `HeldError` for a run of
    the sandbox or of a recipe that is not the user's own.
    """
    if lane.settings.sandbox:
        raise HeldError("no model wrote these reviews", where=f"run {run.id}", hint=f"lanectl post {run.id}")
    _require_trust(lane, run)
    with lane.locked(wait_s=PERSON_WAIT_S):
        posts = list(look(lane, run, stale=stale).posts)
        for at, post in enumerate(posts):
            if post.state != "ready":
                continue
            try:
                _send(run, post)
                posts[at] = replace(post, state="sent")
            except (NoAccess, TryLater, ConfigError) as error:
                # The next one would fare no better.
                posts[at] = replace(post, state="failed", detail=str(error))
                return Posted(run.id, True, tuple(posts), error)
            except LanectlError as error:
                posts[at] = replace(post, state="failed", detail=str(error))
    return Posted(run.id, sent=True, posts=tuple(posts))


def _read(lane: Lane, run: Run) -> Iterator[Post]:
    """One review a pull request, in the order of the run; or why there is none to send."""
    forms: dict[int, list[Form]] = {}
    with Folder.open(Path(run.artifacts)) as folder:
        for job in runs.list_jobs(lane.db, run.id):
            for path in _paths(lane, run, job.n):
                number = posting.number_of(job.key)
                form = _form(folder, path)
                if number is None:
                    yield Post(job.key, "unreadable", "its key names no pull request")
                elif isinstance(form, Post):
                    yield replace(form, key=job.key)
                else:
                    forms.setdefault(number, []).append(form)
    for number, parts in forms.items():
        if len({part.head for part in parts}) > 1:
            yield Post(str(number), "unreadable", "its parts are of different commits")
        else:
            yield Post(str(number), "ready", what=posting.compose(number, parts, recipe=run.recipe))


def _paths(lane: Lane, run: Run, job: int) -> list[str]:
    return [
        one.path for one in answers.list_artifacts(lane.db, run.id, job) if one.path.endswith(posting.ENDING)
    ]


def _form(folder: Folder, path: str) -> Form | Post:
    try:
        with folder.read(path) as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            return Post("", "unreadable", f"{path} is too large")
        hits = scan(data.decode("utf-8", "replace"))
        if hits:
            return Post("", "withheld", f"{path} quotes what looks like a secret ({hits[0].kind})")
        return posting.read(data)
    except FileNotFoundError:
        return Post("", "unreadable", f"{path} is gone")
    except ValueError as error:
        return Post("", "unreadable", f"{path}: {error}")


def _held_against(run: Run, post: Post, *, stale: bool) -> Post:
    what = post.what
    if what is None:
        return post
    try:
        there = _there(run, what)
    except (NoAccess, TryLater, ConfigError):
        raise
    except LanectlError as error:
        return replace(post, state="failed", detail=str(error))
    post = replace(post, there=there)
    if not there.open:
        return replace(post, state="closed", detail="the pull request is not open any more")
    if there.head != what.head and not stale:
        moved = f"reviewed {what.head[:12]}, now {there.head[:12]}"
        return replace(post, state="stale", detail=moved)
    if (there.review or what.review is None) and there.comment_body == _plain(what.comment):
        return replace(post, state="there")
    return post


def _there(run: Run, what: Posting) -> There:
    out = gh(
        Path(run.repo),
        *("api", "graphql", "--paginate", "-F", "owner={owner}", "-F", "name={repo}"),
        *("-F", f"number={what.number}", "-f", f"query={QUERY}"),
    )
    try:
        pages = [page["data"]["repository"]["pullRequest"] for page in _documents(out.decode())]
        reviews = [
            node for page in pages for node in page["reviews"]["nodes"] if _ours(node, what.review_marker)
        ]
        ours = [node for page in pages for node in page["comments"]["nodes"] if _ours(node, what.marker)]
        return There(
            head=str(pages[0]["headRefOid"]),
            open=pages[0]["state"] == "OPEN",
            review=bool(reviews),
            comment=int(ours[0]["databaseId"]) if ours else None,
            comment_body=_plain(str(ours[0]["body"])) if ours else "",
        )
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise LanectlError(
            f"what gh answers cannot be read: {error}",
            where=f"#{what.number}",
            hint=f"gh pr view {what.number}",
        ) from None


def _documents(text: str) -> Iterator[Any]:
    """The JSON documents that gh writes one behind the other, a page each."""
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield value


def _ours(node: Mapping[str, Any], marker: str) -> bool:
    return bool(node["viewerDidAuthor"]) and str(node["body"]).startswith(marker)


def _send(run: Run, post: Post) -> None:
    what, there = post.what, post.there
    if what is None or there is None:
        return
    if what.review is not None and not there.review:
        _call(run, "POST", f"{REPO}/pulls/{what.number}/reviews", what.review)
    if there.comment is None:
        _call(run, "POST", f"{REPO}/issues/{what.number}/comments", {"body": what.comment})
    elif there.comment_body != _plain(what.comment):
        _call(run, "PATCH", f"{REPO}/issues/comments/{there.comment}", {"body": what.comment})


def _call(run: Run, method: str, address: str, body: Mapping[str, Any]) -> None:
    gh(Path(run.repo), "api", "--method", method, address, "--input", "-", stdin=dumps(dict(body)).encode())


def _plain(text: str) -> str:
    """A body as it compares: GitHub may keep line ends and edges in its own way."""
    return text.replace("\r\n", "\n").strip()


def _require_trust(lane: Lane, run: Run) -> None:
    """What a recipe made an agent say goes out under the user's name: it must be one that the user knows."""
    known = listing(user_dir=lane.settings.recipes_dir, repo=None)
    if run.recipe_sha256 in _hashes([one.path for one in known if one.problem is None]):
        return
    kept = trusted(lane)
    if run.recipe_sha256 in _hashes([Path(one.path) for one in kept if _still(one.path, one.sha256)]):
        return
    own = Path(run.repo) / "recipes" / f"{run.recipe}.toml"
    raise HeldError(
        f"the recipe {run.recipe}, as it was sent, is neither yours nor trusted",
        where=f"run {run.id}",
        hint=f"lanectl trust {shlex.quote(str(own))}",
    )


def _still(path: str, sha256: str) -> bool:
    try:
        recipe = load(Path(path))
        return fingerprint(recipe, Path(path), place(Path(path).parent).root) == sha256
    except (LanectlError, OSError):
        return False


def _hashes(paths: Sequence[Path]) -> set[str]:
    return {load(path).sha256 for path in paths if path.is_file()}
