"""What is about to be sent is looked at in groups, in its order, and a secret is named by its place alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanectl.errors import HeldError
from lanectl.lane import scan
from lanectl.lane.doctor import Check, doctor
from lanectl.lane.scan import Candidate, Scanner
from lanectl.lane.submit import preview, submit
from lanectl.models import Item, Skip
from lanectl.programs.gitleaks import Finding
from lanectl.sandbox.server import Sandbox
from tests.lane.scene import RECIPE, OpenLane, Scene, prompts
from tests.programs.gitleaks_world import OTHER, SECRET, Fake, install

OURS = "AKIA" + "MJOASUWP7G7HQM3B"
PRINT = Finding("hush-token", 1, 1, SECRET).fingerprint
OTHER_PRINT = Finding("hush-token", 1, 1, OTHER).fingerprint


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return install(tmp_path / "bin", monkeypatch)


def candidate(key: str, text: str = "quiet") -> Candidate:
    """A file with this text, in a prompt of two lines more."""
    return Candidate(key, Item(key, {"path": f"src/{key}", "text": text}), f"Look at\nthis:\n{text}")


def asking(**allowed: tuple[str, ...]) -> Scanner:
    """A scanner that asks gitleaks too."""
    return Scanner(allowed.get("config", ()), allowed.get("flags", ()), with_gitleaks=True)


def looked(scanner: Scanner, *found: Candidate | Skip, room: int = 10**6) -> list[tuple[str, str | None]]:
    """Key and what withholds it, of everything that comes out again."""
    return [
        (one.key, one.secret if isinstance(one, Candidate) else one.reason)
        for one in scanner.looked_at(found, room=lambda: room)
    ]


def test_everything_comes_out_in_its_order_with_what_withholds_it(fake: Fake) -> None:
    found = (
        candidate("a"),
        Skip("b", "binary"),
        candidate("c", f"one\ntwo {SECRET}\nthree {OTHER}"),
        candidate("d", f"key {OURS}"),
        candidate("e"),
        Skip("f", "empty"),
    )
    ((_, theirs), (_, ours)) = (one for one in looked(asking(), *found) if one[0] in "cd")
    assert theirs == f"hush-token in src/c line 2, fingerprint {PRINT}"
    assert ours is not None
    assert "in src/d line 1, fingerprint " in ours
    assert looked(asking(), *found) == [
        *(("a", None), ("b", "binary"), ("c", theirs), ("d", ours), ("e", None), ("f", "empty")),
    ]
    assert len(fake.calls()) == 2


def test_not_asked_for_gitleaks_is_not_started_and_nothing_waits(fake: Fake) -> None:
    taken: list[str] = []

    def source() -> Iterator[Candidate]:
        for key in "abc":
            taken.append(key)
            yield candidate(key, SECRET)

    passing = Scanner((), ()).looked_at(source(), room=lambda: 10)
    assert (next(passing), taken) == (candidate("a", SECRET), ["a"])
    assert fake.calls() == []


def test_many_items_are_few_processes(fake: Fake) -> None:
    found = (candidate(f"{n}", SECRET if n == 4_321 else "quiet") for n in range(5_000))
    said = looked(asking(), *found)
    assert len(said) == 5_000
    assert [key for key, secret in said if secret] == ["4321"]
    assert len(fake.calls()) == 3


def test_group_ends_at_its_size_and_where_no_more_are_wanted(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "GROUP_CHARACTERS", 100)
    assert len(looked(asking(), *(candidate(f"{n}", "x" * 60) for n in range(5)))) == 5
    assert len(fake.calls()) == 3
    monkeypatch.undo()
    taken: list[str] = []

    def source() -> Iterator[Candidate]:
        for key in "abcdef":
            taken.append(key)
            yield candidate(key)

    monkeypatch.setenv("PATH", f"{fake.folder}:/usr/bin:/bin")
    passing = asking().looked_at(source(), room=lambda: 2)
    assert (next(passing).key, taken) == ("a", ["a", "b"])


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("allowed", [{"config": (PRINT,)}, {"flags": (f"secret:{PRINT}",)}])
def test_accepted_finding_lets_its_item_pass_and_no_other(allowed: dict[str, tuple[str, ...]]) -> None:
    said = looked(asking(**allowed), candidate("a", SECRET), candidate("b", f"{SECRET}\n{OTHER}"))
    assert said == [("a", None), ("b", f"hush-token in src/b line 2, fingerprint {OTHER_PRINT}")]


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("mark", ["gitleaks:allow", "pragma: allowlist secret"])
def test_mark_on_its_line_accepts_a_finding_and_on_another_it_does_not(mark: str) -> None:
    said = looked(asking(), candidate("a", f"x = {SECRET}  # {mark}"), candidate("b", f"# {mark}\n{SECRET}"))
    assert said == [("a", None), ("b", f"hush-token in src/b line 2, fingerprint {PRINT}")]


@pytest.mark.usefixtures("fake")
def test_finding_that_no_field_holds_is_placed_in_the_prompt() -> None:
    item = Item("a", {"first": SECRET[:9], "second": SECRET[9:]})
    said = looked(asking(), Candidate("a", item, f"Look:\n{SECRET}"))
    assert said == [("a", f"hush-token in line 2 of the prompt for a, fingerprint {PRINT}")]


@pytest.mark.usefixtures("fake")
def test_field_that_stands_in_the_prompt_as_json_is_shown_as_it_is() -> None:
    text = 'nothing\nhush = "q7w2e9r4t1"'
    unsent = Item("b", {"text": text, "sent": "no"})
    item = Item("a", {"path": "a", "text": text, "list": ["x", "y"]})
    encoded = json.dumps(dict(item.fields), ensure_ascii=False)
    ((a, secret), b) = looked(asking(), Candidate("a", item, encoded), Candidate("b", unsent, "no"))
    assert (a, b) == ("a", ("b", None))
    assert secret is not None
    assert secret.startswith("hush-value in a line 2, fingerprint ")


@pytest.mark.usefixtures("fake")
def test_field_and_its_json_form_are_not_read_as_one_text() -> None:
    item = Item("a", {"text": 'the "words" BEGIN WHISPER stand here\n'})
    assert looked(asking(), Candidate("a", item, json.dumps(dict(item.fields)))) == [("a", None)]


@pytest.mark.usefixtures("fake")
def test_mark_in_a_field_that_stands_in_the_prompt_as_json_accepts() -> None:
    item = Item("a", {"text": f'"{SECRET}"  # gitleaks:allow\nx'})
    assert looked(asking(), Candidate("a", item, json.dumps(dict(item.fields)))) == [("a", None)]


def test_first_hit_of_texts_is_ours_before_any_process(fake: Fake) -> None:
    hit = asking().first(["quiet", f"\n{SECRET}", f"{OURS}"])
    assert hit is not None
    assert (hit.line, hit.kind == "hush-token", fake.calls()) == (1, False, [])
    hit = asking().first(["quiet", f"\n{SECRET}"])
    assert hit is not None
    assert (hit.kind, hit.line, hit.fingerprint) == ("hush-token", 2, PRINT)
    assert asking().first(["quiet"]) is None


def asked_for(scene: Scene, **files: str) -> None:
    """The configuration asks for gitleaks; the repository gets these files too."""
    (scene.home / "config.toml").write_text("[secrets]\ngitleaks = true\n")
    for name, text in files.items():
        (scene.repo / f"{name}.txt").write_text(text)


def test_submit_withholds_what_only_gitleaks_finds(
    fake: Fake, scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    asked_for(scene, leak=f"a\n{SECRET}\n")
    done = submit(open_lane(), scene.recipe(), scene.wishes(pilot="0"))
    assert (done.jobs, len(prompts(box))) == (4, 4)
    assert len(fake.calls()) == 2
    assert not any(SECRET in prompt for prompt in prompts(box))
    done = submit(open_lane(), scene.recipe(), scene.wishes(pilot="0", allow=frozenset({f"secret:{PRINT}"})))
    assert (done.jobs, len(prompts(box))) == (1, 5)


def test_limit_takes_as_many_as_without_gitleaks_and_looks_at_no_more(
    fake: Fake, scene: Scene, open_lane: OpenLane
) -> None:
    asked_for(scene, aleak=SECRET)
    lane = open_lane()
    made = preview(lane, scene.recipe(), scene.wishes(limit=2), host="example.invalid")
    assert made.jobs == 2
    commands = [json.loads(call)[0] for call in fake.calls()]
    assert commands == ["stdin"] * 3  # the prefix, two items of which one is withheld, one more


def test_secret_in_the_prefix_that_only_gitleaks_finds_holds_the_run(
    fake: Fake, scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    asked_for(scene)
    (scene.root / "notes.toml").write_text(RECIPE.replace("You write notes.", f"You write {SECRET}."))
    with pytest.raises(HeldError, match=r"the prefix holds .* \(hush-token, line 1\)") as caught:
        submit(open_lane(), scene.recipe(), scene.wishes())
    assert caught.value.hint == f"lanectl submit notes --allow secret:{PRINT}"
    assert (len(fake.calls()), prompts(box)) == (1, {})


def test_doctor_speaks_of_gitleaks_where_it_is_asked_for(
    fake: Fake, scene: Scene, open_lane: OpenLane
) -> None:
    def said() -> list[Check]:
        return [one for one in doctor(open_lane()) if one.name == "gitleaks"]

    assert (said(), fake.calls()) == ([], [])
    asked_for(scene)
    assert said() == [Check("gitleaks", "ok", "version 8.30.1 reads what is about to be sent")]
    fake.behave("", version="8.18.4")
    ((state, detail),) = ((one.state, one.detail) for one in said())
    assert state == "bad"
    assert detail == "gitleaks 8.18.4 is too old: 8.27 or later is needed - [secrets] gitleaks"
