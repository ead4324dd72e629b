"""A target that is a program: it gets the message on its standard input; whatever it does harms nothing."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lanectl import notify
from lanectl.config import Flags, Target, load
from lanectl.errors import ConfigError
from lanectl.lane.context import Lane
from lanectl.lane.pull import pull
from lanectl.lane.tick import tick
from lanectl.programs import environment
from lanectl.recipe.load import load as load_recipe
from lanectl.state import outbox, runs
from tests.lane.scene import RECIPE, OpenLane, Scene
from tests.notify.program import Program, cron, night, sent

ROOT = Path(__file__).parent.parent.parent
# One command of a schedule, at a time that is given: what is due is told.
TELL = """
import os, sys
from datetime import datetime
from lanectl import notify
from lanectl.config import Flags, load
from lanectl.state.database import open_state

settings = load(environ=os.environ, flags=Flags())
with open_state(settings.state_path, sandbox=False, now=sys.argv[1]) as db:
    print(*notify.flush(db, settings, lambda: datetime.fromisoformat(sys.argv[1])))
"""


def lane_to(open_lane: OpenLane, *command: object, **others: Target) -> Lane:
    return open_lane(notify={"team": Target(command=tuple(map(str, command))), **others})


def flush(lane: Lane) -> tuple[str, ...]:
    return notify.flush(lane.db, lane.settings, lane.clock)


def tell(scene: Scene, *, now: str) -> subprocess.CompletedProcess[str]:
    """A process of its own as cron starts it, with the configuration that lies in the home folder."""
    return subprocess.run(
        [sys.executable, "-c", TELL, now],
        env={**cron(scene.home), "PYTHONPATH": str(ROOT)},
        cwd=scene.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def configured(scene: Scene, *command: object) -> None:
    words = ", ".join(f"'{word}'" for word in command)
    (scene.home / "config.toml").write_text(f"[notify.team]\ncommand = [{words}]\n")


def test_program_gets_the_message_on_its_input_and_nothing_of_it_in_its_arguments(
    scene: Scene, open_lane: OpenLane, program: Program
) -> None:
    lane = lane_to(open_lane, program.path, "--to", "me and you", "$(id)", "")
    run = night(scene, lane, "team")

    assert (flush(lane), flush(lane)) == ((), ())

    (message,) = program.messages
    cost = f"{runs.usd(lane.db.value('SELECT sum(cost_pico) FROM answers')):,.2f}"
    title = f"notes {run}: 4 succeeded, ${cost}"
    (kept,) = outbox.messages(lane.db)
    assert message == {"id": kept.id, "title": title, "text": f"{title}\nRead it: lanectl digest --open"}
    assert kept.sent_at == lane.now
    assert program.arguments == ["--to", "me and you", "$(id)", ""]


def test_program_sees_neither_a_key_nor_the_folder_one_stands_in(
    scene: Scene, open_lane: OpenLane, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "DEEPSEEK_API_KEY", "GITHUB_TOKEN", "GIT_DIR"):
        monkeypatch.setenv(name, "sk-ant-sandbox-secret")
    monkeypatch.setenv("PATH", f".:bin::/usr/bin:/bin:{program.path.parent}")
    monkeypatch.chdir(scene.repo)
    lane = lane_to(open_lane, "tell")
    night(scene, lane, "team")

    assert flush(lane) == ()

    seen = program.environment
    assert "sk-ant-sandbox-secret" not in seen.values()
    assert set(seen) <= {"HOME", "USER", "LOGNAME", "TMPDIR", "PATH", "LANG", "LC_ALL", "TERM"} | set(
        environment.NETWORK
    )
    assert seen["PATH"] == f"/usr/bin:/bin:{program.path.parent}"
    assert program.folder == "/"


WRONG: dict[str, tuple[str, str]] = {
    "fails": ("exit 1", "tell ended with exit code 1"),
    "complains": (
        "echo first >&2; printf 'no \\033[2J such channel: %s\\n\\n' \"$2\" >&2; exit 64",
        "tell ended with exit code 64: no ␛[2J such channel: [redacted]",
    ),
    "is killed": ("kill -9 $$", "tell was ended by signal 9"),
    "writes without end": ("exec yes", "tell wrote more than 65536 bytes and was stopped"),
    "hangs": ("exec tail -f /dev/null", "tell gave no answer within 0.5 seconds and was stopped"),
    "leaves a child that hangs": (
        "tail -f /dev/null & exit 0",
        "tell gave no answer within 0.5 seconds and was stopped",
    ),
}


@pytest.mark.parametrize(("last", "why"), WRONG.values(), ids=WRONG)
def test_program_that_goes_wrong_is_said_once_tried_again_and_changes_nothing(
    scene: Scene,
    open_lane: OpenLane,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    last: str,
    why: str,
) -> None:
    if "0.5 seconds" in why:
        monkeypatch.setattr(notify, "CHILD_S", 0.5)
    program.then(last)
    lane = lane_to(open_lane, program.path, "--url", "https://chat.example/hook/a-secret")
    run = night(scene, lane, "team")

    said = [flush(lane)]
    for minutes in (4, 2, 6):
        scene.clock.advance(60 * minutes)
        said.append(flush(lane))

    where = "" if "stopped" in why else " - [notify.team]"
    assert said == [(f"team could not be told, and will be again: {why}{where}",), (), (), ()]
    assert len(program.messages) == 2
    assert runs.get_run(lane.db, run).pulled_at is not None
    (kept,) = outbox.messages(lane.db)
    assert (kept.sent_at, kept.error) == (None, f"{why}{where}")

    monkeypatch.undo()
    program.then("")
    scene.clock.advance(7 * 3600)
    assert flush(lane) == ()
    assert program.messages == [program.messages[0]] * 3
    assert [one.sent_at for one in outbox.messages(lane.db)] == [lane.now]


@pytest.mark.parametrize(
    ("program_name", "why"),
    [
        ("no-such-program", "no-such-program is not installed"),
        ("/nonexistent/tell", "tell is not installed"),
    ],
)
def test_program_that_is_not_there_is_said_and_tried_again(
    scene: Scene, open_lane: OpenLane, program_name: str, why: str
) -> None:
    lane = lane_to(open_lane, program_name)
    night(scene, lane, "team")
    assert flush(lane) == (f"team could not be told, and will be again: {why}",)
    assert flush(lane) == ()
    (kept,) = outbox.messages(lane.db)
    assert (kept.sent_at, kept.tries, kept.error) == (None, 1, why)


def test_program_that_may_not_be_run_is_said(scene: Scene, open_lane: OpenLane, program: Program) -> None:
    program.path.chmod(0o600)
    lane = lane_to(open_lane, program.path)
    night(scene, lane, "team")
    why = f"tell cannot be started: [Errno 13] Permission denied: '{program.path}'"
    assert flush(lane) == (f"team could not be told, and will be again: {why}",)


def test_program_that_fails_for_two_days_is_given_up_loudly(
    scene: Scene, open_lane: OpenLane, program: Program
) -> None:
    program.then("exit 1")
    lane = lane_to(open_lane, program.path)
    run = night(scene, lane, "team")
    said: list[str] = []
    for _ in range(60):
        said += flush(lane)
        scene.clock.advance(3600)

    assert len(said) == 2
    assert said[1].startswith("gave up telling team after 48 hours (notes ")
    assert "team was never told: tell ended with exit code 1" in runs.list_events(lane.db, run)[-1][1]
    assert len(program.messages) == outbox.messages(lane.db)[0].tries


def test_program_that_reads_nothing_and_ends_well_has_been_told(scene: Scene, open_lane: OpenLane) -> None:
    lane = lane_to(open_lane, "true")
    night(scene, lane, "team")
    assert flush(lane) == ()
    assert [one.sent_at for one in outbox.messages(lane.db)] == [lane.now]


def test_target_beside_one_that_fails_is_told_all_the_same(
    scene: Scene, open_lane: OpenLane, program: Program
) -> None:
    lane = lane_to(open_lane, "false", me=Target(command=(str(program.path),)))
    run = night(scene, lane, "team", "me")
    assert len(flush(lane)) == 1
    assert program.titles == [f"notes {run}"]


def test_old_messages_to_dead_targets_do_not_keep_the_next_morning_waiting(
    scene: Scene, open_lane: OpenLane, program: Program
) -> None:
    dead = {f"dead{number}": Target(command=("/bin/false",)) for number in range(3)}
    lane = open_lane(notify={**dead, "me": Target(command=(str(program.path),))})
    night(scene, lane, *dead)
    flush(lane)
    scene.clock.advance(24 * 3600)
    run = night(scene, lane, "me")
    flush(lane)
    assert program.titles == [f"notes {run}"]


def test_killed_between_send_and_record_it_is_sent_again_with_the_same_id(
    scene: Scene, open_lane: OpenLane, program: Program
) -> None:
    lane = open_lane()
    configured(scene, program.path)
    night(scene, lane, "team")
    # The program's parent is lanectl: the message has been taken, and nothing is recorded.
    program.then("kill -9 $PPID")

    killed = tell(scene, now=lane.now)
    program.then("")
    early = tell(scene, now=lane.now)
    scene.clock.advance(121)
    late = tell(scene, now=lane.now)

    assert [killed.returncode, early.returncode, late.returncode] == [-signal.SIGKILL, 0, 0]
    first, again = program.messages
    assert first == again
    assert [(one.sent_at, one.tries) for one in outbox.messages(lane.db)] == [(lane.now, 2)]


def test_cron_reaches_a_program_by_its_whole_path_and_not_by_a_name_of_the_users_path(
    scene: Scene, open_lane: OpenLane, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{program.path.parent}:/usr/bin:/bin")
    lane = open_lane()
    run = night(scene, lane, "team")

    configured(scene, "tell")
    unknown = tell(scene, now=lane.now)
    configured(scene, program.path)
    scene.clock.advance(301)
    known = tell(scene, now=lane.now)

    assert unknown.stdout == "team could not be told, and will be again: tell is not installed\n"
    assert (known.stdout, known.stderr, known.returncode) == ("\n", "", 0)
    assert program.titles == [f"notes {run}"]
    assert program.environment["PATH"] == "/usr/bin:/bin"


HOSTILE = "a\n\"}; $(touch ran) `touch ran` '; touch ran #\x1b[2J\u202e\x00"


def test_hostile_name_of_a_run_reaches_the_program_as_one_safe_line_of_json(
    scene: Scene, open_lane: OpenLane, program: Program
) -> None:
    lane = lane_to(open_lane, program.path, "--to", "me")
    night(scene, lane, "team")
    with lane.db.write():
        lane.db.execute("UPDATE runs SET recipe = ?", (HOSTILE,))

    assert flush(lane) == ()

    (message,) = program.messages
    assert message["title"].startswith("a \"}; $(touch ran) `touch ran` '; touch ran #␛[2J")
    assert not {"\n", "\x1b", "\u202e", "\x00"} & set(message["title"])
    assert program.arguments == ["--to", "me"]
    assert not list(scene.root.rglob("ran"))
    assert not Path("/ran").exists()


def test_several_runs_of_a_night_are_one_message(scene: Scene, open_lane: OpenLane, program: Program) -> None:
    lane = lane_to(open_lane, program.path)
    both = [sent(scene, lane, "team"), sent(scene, lane, "team")]
    scene.clock.advance(60)
    pull(lane)
    flush(lane)

    (message,) = program.messages
    assert message["title"] == "lanectl: 2 runs"
    assert [line.split(":")[0] for line in message["text"].splitlines()[1:3]] == [
        f"notes {run}" for run in both
    ]


def test_two_nights_of_ticks_are_two_messages(scene: Scene, open_lane: OpenLane, program: Program) -> None:
    nights = []
    for _ in range(2):
        lane = lane_to(open_lane, program.path)
        nights.append(sent(scene, lane, "team"))
        for _ in range(96):
            scene.clock.advance(900)
            tick(lane)
            assert flush(lane) == ()

    assert program.titles == [f"notes {run}" for run in nights]
    assert len({message["id"] for message in program.messages}) == 2


def test_sandbox_starts_no_program(scene: Scene, open_lane: OpenLane, program: Program) -> None:
    lane = lane_to(open_lane, program.path)
    night(scene, lane, "team")
    assert notify.flush(lane.db, scene.settings(sandbox=True), lane.clock) == ()
    assert program.messages == []


def test_recipe_cannot_say_what_a_target_is(scene: Scene, program: Program) -> None:
    recipe = scene.repo / "recipes" / "notes.toml"
    recipe.parent.mkdir()
    recipe.write_text(f"{RECIPE}\n[notify.team]\ncommand = ['{program.path}']\n")
    with pytest.raises(ConfigError) as caught:
        load_recipe(recipe, origin="repository")
    assert caught.value.where == f"{recipe} [notify]"


@pytest.mark.parametrize(
    "name",
    ["config.toml", "lanectl.toml", ".lanectl.toml", ".lanectl/config.toml", ".config/lanectl/config.toml"],
)
def test_file_of_a_repository_cannot_say_what_a_target_is(
    scene: Scene, program: Program, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = scene.repo / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"[notify.team]\ncommand = ['{program.path}']\n")
    monkeypatch.chdir(scene.repo)
    environ: dict[str, Any] = {"LANECTL_HOME": str(scene.home), "HOME": str(scene.home)}
    assert load(environ=environ, flags=Flags()).notify == {}


def test_words_in_one_text_are_one_program_and_no_command_line(
    scene: Scene, open_lane: OpenLane, program: Program
) -> None:
    lane = lane_to(open_lane, shlex.join([str(program.path), "--to", "me"]))
    night(scene, lane, "team")
    (said,) = flush(lane)
    assert said.endswith("is not installed")
    assert program.messages == []
