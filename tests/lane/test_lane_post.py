"""Reviews on their way to GitHub: shown, sent once, or kept back; gh is a script that keeps state."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lanectl.errors import HeldError, NoAccess, UsageError
from lanectl.lane import post
from lanectl.lane.pull import pull
from lanectl.lane.submit import submit
from lanectl.lane.trust import trust
from lanectl.state import answers, runs
from lanectl.state.runs import Run
from tests.lane.scene import OpenLane, Scene

RECIPE = """\
name = "reviews"
description = "Review every branch"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 2000

[prefix]
system = "You review."

[source]
kind = "pull-requests"
from = "branches"

[job]
key = "{{ item.number }}"
prompt = "Review {{ item.diff }}"

[output]
kind = "findings"
path = "{{ item.number }}.md"

[run]
pilot = 0
"""

FAKE = """\
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
state = json.loads((folder / "state.json").read_text())
args = sys.argv[1:]
assert args[0] == "api", args
assert "ANTHROPIC_API_KEY" not in os.environ
if args[1] == "graphql":
    number = next(a.partition("=")[2] for a in args if a.startswith("number="))
    pr = state["prs"].get(number)
    if pr is None:
        sys.exit("gh: Could not resolve to a PullRequest with the number of " + number)
    half = len(pr["comments"]) // 2
    for nodes, more in ((pr["comments"][:half], True), (pr["comments"][half:], False)):
        page = dict(pageInfo=dict(hasNextPage=more, endCursor="x"), nodes=nodes)
        found = dict(state=pr["state"], headRefOid=pr["head"], comments=page)
        found["reviews"] = dict(nodes=pr["reviews"])
        print(json.dumps(dict(data=dict(repository=dict(pullRequest=found)))))
    sys.exit(0)
method, address, body = args[2], args[3], json.load(sys.stdin)
state["calls"].append([method, address, body])
(folder / "state.json").write_text(json.dumps(state))
fault = state["faults"].get(method + " " + address)
if fault:
    print(fault, file=sys.stderr)
    sys.exit(1)
parts = address.split("/")
if parts[3] == "pulls":
    state["prs"][parts[4]]["reviews"].append(dict(body=body["body"], viewerDidAuthor=True))
elif method == "POST":
    made = dict(databaseId=len(state["calls"]), body=body["body"], viewerDidAuthor=True)
    state["prs"][parts[4]]["comments"].append(made)
else:
    for pr in state["prs"].values():
        for one in pr["comments"]:
            if str(one["databaseId"]) == parts[5]:
                one["body"] = body["body"].replace("\\n", "\\r\\n")
(folder / "state.json").write_text(json.dumps(state))
print("{{}}")
"""


class GitHub:
    """What the fake gh keeps: pull requests by number, and every writing call it got."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.json"
        self.keep({"prs": {}, "calls": [], "faults": {}})

    def keep(self, state: dict[str, Any]) -> None:
        self.path.write_text(json.dumps(state))

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found

    def pull_request(self, number: int, head: str, *, state: str = "OPEN", **more: Any) -> None:
        whole = self.state
        whole["prs"][str(number)] = {"state": state, "head": head, "reviews": [], "comments": [], **more}
        self.keep(whole)

    def fault(self, call: str, complaint: str) -> None:
        self.keep({**self.state, "faults": {call: complaint} if complaint else {}})

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(method, address) for method, address, _ in self.state["calls"]]


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "gh.py").write_text(FAKE.format(folder=str(folder)))
    script = folder / "gh"
    # Not named in its first line: the path of an interpreter may hold a space.
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(f"{script}.py")} "$@"\n')
    script.chmod(0o755)
    git = shutil.which("git")
    assert git is not None
    monkeypatch.setenv("PATH", f"{folder}:{Path(git).parent}:/usr/bin:/bin")
    return GitHub(folder)


def git(repo: Path, *args: str) -> str:
    """Run git; every commit has the same date, so that branches come in the order of their names."""
    done = subprocess.run(["git", "-C", str(repo), *args], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def review_json(run: Run, number: int) -> Path:
    return Path(run.artifacts) / f"pr-{number}.review.json"


@pytest.fixture
def reviewed(scene: Scene, open_lane: OpenLane) -> Run:
    """A pulled run with the reviews of two branches, `pr-7` and `pr-8`, each with one comment on a line."""
    (scene.root / "reviews.toml").write_text(RECIPE)
    for number in (7, 8):
        git(scene.repo, "checkout", "-q", "-b", f"pr-{number}", "main")
        (scene.repo / f"new{number}.py").write_text("a = 1\nb = 2\n")
        git(scene.repo, "add", "-A")
        git(scene.repo, "commit", "-q", "-m", f"Work {number}")
    git(scene.repo, "checkout", "-q", "main")
    lane = open_lane()
    submit(lane, scene.recipe("reviews"), scene.wishes())
    scene.clock.advance(60)
    pull(lane)
    (run,) = runs.list_runs(lane.db)
    for number in (7, 8):
        form = json.loads(review_json(run, number).read_text())
        comment = {"path": f"new{number}.py", "line": 2, "side": "RIGHT", "body": "**high** It breaks."}
        review_json(run, number).write_text(json.dumps({**form, "body": "Two lines.", "comments": [comment]}))
    return run


def heads(run: Run) -> dict[int, str]:
    return {n: json.loads(review_json(run, n).read_text())["commit_id"] for n in (7, 8)}


@pytest.fixture
def trusting(scene: Scene, reviewed: Run, open_lane: OpenLane) -> Run:
    trust(open_lane(), scene.root / "reviews.toml")
    return reviewed


def states(done: post.Posted) -> list[tuple[str, str]]:
    return [(one.key, one.state) for one in done.posts]


def test_look_sends_nothing_and_shows_the_whole_form(
    reviewed: Run, github: GitHub, open_lane: OpenLane
) -> None:
    for number, head in heads(reviewed).items():
        github.pull_request(number, head)

    done = post.look(open_lane(), reviewed, stale=False)

    assert sorted(states(done)) == [("7", "ready"), ("8", "ready")]
    what = next(one.what for one in done.posts if one.key == "7")
    assert what is not None
    head = heads(reviewed)[7]
    assert what.comment == (
        f"<!-- lanectl:reviews -->\n**reviews** at {head[:12]}, 1 comment on lines.\n\nTwo lines.\n"
    )
    assert what.review == {
        "commit_id": head,
        "event": "COMMENT",
        "body": f"{what.review_marker}\n**reviews** at {head[:12]}, 1 comment on lines.",
        "comments": [{"path": "new7.py", "line": 2, "side": "RIGHT", "body": "**high** It breaks."}],
    }
    assert github.calls == []


def test_sent_twice_posts_once(trusting: Run, github: GitHub, open_lane: OpenLane) -> None:
    for number, head in heads(trusting).items():
        github.pull_request(number, head)
    first = post.send(open_lane(), trusting, stale=False)
    calls = github.calls

    second = post.send(open_lane(), trusting, stale=False)

    assert {state for _, state in states(first)} == {"sent"}
    assert {state for _, state in states(second)} == {"there"}
    assert github.calls == calls
    assert sorted(calls) == [
        ("POST", f"{post.REPO}/issues/7/comments"),
        ("POST", f"{post.REPO}/issues/8/comments"),
        ("POST", f"{post.REPO}/pulls/7/reviews"),
        ("POST", f"{post.REPO}/pulls/8/reviews"),
    ]


def test_next_nights_words_renew_the_one_comment_and_add_a_review(
    trusting: Run, github: GitHub, open_lane: OpenLane
) -> None:
    for number, head in heads(trusting).items():
        github.pull_request(number, head)
    post.send(open_lane(), trusting, stale=False)
    form = json.loads(review_json(trusting, 7).read_text())
    form["comments"][0]["body"] = "**high** It breaks, and how."
    review_json(trusting, 7).write_text(json.dumps({**form, "body": "Other words."}))
    before = len(github.calls)

    post.send(open_lane(), trusting, stale=False)

    kept = github.state["prs"]["7"]
    (number,) = (one["databaseId"] for one in kept["comments"])
    assert github.calls[before:] == [
        ("POST", f"{post.REPO}/pulls/7/reviews"),
        ("PATCH", f"{post.REPO}/issues/comments/{number}"),
    ]
    assert "Other words." in kept["comments"][0]["body"]
    assert states(post.look(open_lane(), trusting, stale=False))[0] == ("7", "there")


def test_killed_between_review_and_comment_only_the_comment_is_sent_again(
    trusting: Run, github: GitHub, open_lane: OpenLane
) -> None:
    for number, head in heads(trusting).items():
        github.pull_request(number, head)
    github.fault(f"POST {post.REPO}/issues/7/comments", "HTTP 502: Bad Gateway")
    first = post.send(open_lane(), trusting, stale=False)
    github.fault("", "")

    second = post.send(open_lane(), trusting, stale=False)

    assert states(first) == [("7", "failed"), ("8", "ready")]
    assert first.trouble is not None
    assert states(second) == [("7", "sent"), ("8", "sent")]
    assert github.calls.count(("POST", f"{post.REPO}/pulls/7/reviews")) == 1


def test_refused_review_keeps_back_only_itself(trusting: Run, github: GitHub, open_lane: OpenLane) -> None:
    for number, head in heads(trusting).items():
        github.pull_request(number, head)
    github.fault(f"POST {post.REPO}/pulls/7/reviews", "gh: Validation Failed (HTTP 422)")

    done = post.send(open_lane(), trusting, stale=False)

    assert states(done) == [("7", "failed"), ("8", "sent")]
    assert "HTTP 422" in done.posts[0].detail
    assert github.state["prs"]["7"]["comments"] == []


def test_moved_head_is_stale_and_goes_only_when_asked(
    trusting: Run, github: GitHub, open_lane: OpenLane
) -> None:
    github.pull_request(7, "f" * 40)
    github.pull_request(8, "e" * 40, state="MERGED")

    kept = post.send(open_lane(), trusting, stale=False)
    sent = post.send(open_lane(), trusting, stale=True)

    assert states(kept) == [("7", "stale"), ("8", "closed")]
    assert kept.posts[0].detail == f"reviewed {heads(trusting)[7][:12]}, now ffffffffffff"
    assert states(sent) == [("7", "sent"), ("8", "closed")]
    assert github.state["calls"][0][2]["commit_id"] == heads(trusting)[7]


def test_strangers_comment_with_our_marker_is_left_alone(
    trusting: Run, github: GitHub, open_lane: OpenLane
) -> None:
    theirs = {"databaseId": 99, "body": "<!-- lanectl:reviews -->\nhaha", "viewerDidAuthor": False}
    github.pull_request(7, heads(trusting)[7], comments=[theirs])

    done = post.send(open_lane(), trusting, stale=False)

    assert states(done) == [("7", "sent"), ("8", "failed")]
    bodies = [one["body"] for one in github.state["prs"]["7"]["comments"]]
    assert bodies[0] == "<!-- lanectl:reviews -->\nhaha"
    assert len(bodies) == 2


def form_text(*comments: dict[str, Any], commit: str = "a" * 40, body: str = "") -> str:
    return json.dumps({"commit_id": commit, "body": body, "comments": comments})


BROKEN = [
    ("{", "unreadable", "not JSON"),
    (form_text(commit="main"), "unreadable", "names no commit"),
    (form_text({"path": "a", "line": 3, "start_line": 3, "body": "x"}), "unreadable", "before it begins"),
    (form_text({"path": "a", "line": 0, "body": "x"}), "unreadable", "no place"),
    (form_text(body="ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"), "withheld", "secret"),
]


@pytest.mark.parametrize(("text", "state", "why"), BROKEN, ids=lambda value: str(value)[:12])
def test_review_that_cannot_go_is_named_and_the_other_goes(
    trusting: Run, github: GitHub, open_lane: OpenLane, text: str, state: str, why: str
) -> None:
    github.pull_request(8, heads(trusting)[8])
    review_json(trusting, 7).write_text(text)

    done = post.send(open_lane(), trusting, stale=False)

    assert sorted(one.state for one in done.posts) == sorted(["sent", state])
    assert why in next(one.detail for one in done.posts if one.state == state)


def test_approval_in_an_edited_file_is_sent_as_a_comment(
    trusting: Run, github: GitHub, open_lane: OpenLane
) -> None:
    github.pull_request(7, heads(trusting)[7])
    form = json.loads(review_json(trusting, 7).read_text())
    review_json(trusting, 7).write_text(json.dumps({**form, "event": "APPROVE"}))

    post.send(open_lane(), trusting, stale=False)

    assert [body.get("event") for _, _, body in github.state["calls"]] == ["COMMENT", None]


def test_recipe_that_is_not_the_users_is_held_before_gh_is_asked(
    reviewed: Run, github: GitHub, open_lane: OpenLane
) -> None:
    with pytest.raises(HeldError, match="neither yours nor trusted") as caught:
        post.send(open_lane(), reviewed, stale=False)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("lanectl trust ")
    assert github.calls == []


def test_recipe_edited_after_trust_is_held_again(
    scene: Scene, trusting: Run, github: GitHub, open_lane: OpenLane
) -> None:
    (scene.root / "reviews.toml").write_text(RECIPE + "\n# edited\n")
    with pytest.raises(HeldError):
        post.send(open_lane(), trusting, stale=False)
    assert github.calls == []


def test_run_of_the_sandbox_is_never_sent(trusting: Run, github: GitHub, open_lane: OpenLane) -> None:
    with pytest.raises(HeldError, match="no model wrote"):
        post.send(open_lane(sandbox=True), trusting, stale=False)
    assert github.calls == []


def test_gh_that_is_not_logged_in_is_no_access(reviewed: Run, github: GitHub, open_lane: OpenLane) -> None:
    (github.path.parent / "gh").write_text("#!/bin/sh\nexit 4\n")
    with pytest.raises(NoAccess):
        post.look(open_lane(), reviewed, stale=False)


def test_run_without_reviews_is_a_usage_error(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(pilot=0), scene.wishes())
    scene.clock.advance(60)
    pull(lane)
    (run,) = runs.list_runs(lane.db)
    with pytest.raises(UsageError, match="no reviews"):
        post.look(lane, run, stale=False)
    assert answers.list_artifacts(lane.db, run.id)
