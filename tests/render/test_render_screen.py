"""The screen: what goes where, safe in every case, plain where nobody looks, and readable in any encoding."""

import pytest

from lanectl.errors import LanectlError, UsageError
from lanectl.lane.recover import Recovered
from lanectl.render.house import draw_recovered
from lanectl.render.screen import Column
from tests.render.render_world import Desk

HOSTILE = "a\x1b[31mred\x1b]0;title\x07 \u202eevil \r\b[bold]not markup[/bold] :smile:"
COLUMNS = [Column("key"), Column("what", fold=True), Column("cost", right=True)]


def printed(desk: Desk) -> str:
    """Print something of every kind, and read it all back."""
    screen = desk.screen
    screen.verbose = True
    screen.title(HOSTILE)
    screen.say(HOSTILE)
    screen.say(HOSTILE, "red")
    screen.note(HOSTILE, "dim")
    screen.detail(HOSTILE)
    screen.warn(HOSTILE)
    screen.error(LanectlError(HOSTILE, where=HOSTILE, hint=HOSTILE))
    screen.table(HOSTILE, COLUMNS, [[HOSTILE, HOSTILE, HOSTILE]])
    screen.flush()
    return desk.out.text + desk.err.text


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_nothing_that_a_terminal_obeys_leaves_for_a_pipe(encoding: str) -> None:
    text = printed(Desk(encoding=encoding))
    assert not set(text) & {chr(code) for code in (*range(10), *range(11, 32), 0x7F, 0x202E)}
    assert "[bold]not markup[/bold]" in text
    assert ":smile:" in text


def test_on_a_terminal_only_our_own_colours_leave() -> None:
    text = printed(Desk(terminal=True, environ={"TERM": "xterm-256color"}))
    assert "\x1b]0;title" not in text
    assert "\x1b[31mred" not in text
    assert "\u202e" not in text
    assert "\x07" not in text


@pytest.mark.parametrize(
    ("terminal", "environ", "flag"),
    [
        pytest.param(False, {"FORCE_COLOR": "1"}, True, id="a pipe, whatever is forced"),
        pytest.param(True, {"NO_COLOR": "1"}, True, id="NO_COLOR"),
        pytest.param(True, {}, False, id="--no-color"),
    ],
)
def test_no_colour_leaves_where_none_is_wanted(
    terminal: bool, environ: dict[str, str], flag: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    desk = Desk(terminal=terminal, environ=environ)
    desk.screen.color &= flag
    assert "\x1b[3" not in printed(desk)


def test_ascii_stream_gets_ascii_and_never_fails() -> None:
    desk = Desk(encoding="ascii")
    desk.screen.say("… – → ☃ café")
    assert desk.out.text == "~ - > \\u2603 caf\\xe9\n"


def test_results_and_words_go_to_their_streams() -> None:
    desk = Desk()
    desk.screen.say("result")
    desk.screen.note("beside")
    desk.screen.detail("only with -v")
    desk.screen.warn("careful")
    desk.screen.error(UsageError("what", where="where", hint="lanectl status"))
    assert desk.out.text == "result\n"
    assert desk.err.text == "beside\nwarning: careful\nerror: what - where\nhint: lanectl status\n"


def test_quiet_leaves_results_and_errors() -> None:
    desk = Desk()
    desk.screen.quiet = desk.screen.verbose = True
    for tell in (desk.screen.note, desk.screen.detail, desk.screen.warn, desk.screen.tell):
        tell("beside")
    desk.screen.say("result")
    desk.screen.error(UsageError("what"))
    assert (desk.out.text, desk.err.text) == ("result\n", "error: what\n")


def test_error_is_one_line_whatever_it_holds() -> None:
    desk = Desk()
    desk.screen.error(LanectlError("two\nlines", where="a\tpath", hint="lanectl\nstatus"))
    assert desk.err.text == "error: two lines - a path\nhint: lanectl status\n"


def test_sandbox_marks_every_title_and_every_command_to_type() -> None:
    desk = Desk()
    desk.screen.sandbox = desk.screen.flagged = True
    desk.screen.title("Runs")
    desk.screen.table("More", COLUMNS, [])
    assert desk.out.text.count("(sandbox: no model was called)") == 2
    assert desk.screen.typed("held: x; lanectl release abc") == "held: x; lanectl --sandbox release abc"
    elsewhere = "env LANECTL_HOME=/var/lib/lanectl lanectl doctor"
    assert desk.screen.typed(elsewhere) == "env LANECTL_HOME=/var/lib/lanectl lanectl --sandbox doctor"
    assert desk.screen.typed("lanectl sandbox --port 0") == "lanectl sandbox --port 0"
    desk.screen.flagged = False
    assert desk.screen.typed("lanectl pull") == "lanectl pull"


def test_recovered_runs_are_shown_with_the_command_of_this_sandbox() -> None:
    desk = Desk()
    desk.screen.flagged = True
    draw_recovered(desk.screen, Recovered(("qrtdb6hqmp",), 3, (), 0, ()))
    assert desk.out.text == (
        "1 run rebuilt, 3 outcomes recorded\nrun qrtdb6hqmp: lanectl --sandbox show qrtdb6hqmp\n"
    )


def test_table_of_long_and_wide_cells_fits_80_columns() -> None:
    desk = Desk()
    row = ["k" * 200, "words " * 60, "$1,000,000.00"]
    desk.screen.table("t" * 20, COLUMNS, [row, ["漢字" * 50, "漢字" * 50, "$1.00"]])
    from lanectl.text.terminal import cells

    lines = desk.out.text.splitlines()
    assert max(map(cells, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    assert "$1,000,000.00" in desk.out.text


def test_terminal_too_narrow_for_the_figures_of_a_table_folds_its_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    desk = Desk(terminal=True, environ={"TERM": "xterm", "NO_COLOR": "1"})
    columns = [Column("run", keep=True), Column("recipe"), Column("paid", right=True)]
    assert desk.screen.width == 20
    desk.screen.table("Runs", columns, [["qrtdb6hqmp", "release-notes", "$1,234.56"]])
    assert desk.out.text == "Runs\nrun         rec…       paid\nqrtdb6hqmp  rel…  $1,234.56\n"


def test_question_is_asked_only_where_somebody_watches() -> None:
    assert not Desk(typed="y\n").screen.watched
    desk = Desk(terminal=True, typed="y\n", environ={"NO_COLOR": "1"})
    assert desk.screen.watched
    assert desk.screen.ask("Send?")
    assert desk.err.text == "Send? [y/N] "
    desk.screen.json = True
    assert not desk.screen.watched


@pytest.mark.parametrize("typed", ["", "\n", "n\n", "yeah\n", "sure\n"])
def test_everything_but_a_clear_yes_is_a_no(typed: str) -> None:
    assert not Desk(terminal=True, typed=typed).screen.ask("Send?")


def test_progress_is_silent_in_a_pipe_and_lines_with_verbose() -> None:
    desk = Desk()
    desk.screen.tell("sending")
    assert desk.err.text == ""
    desk.screen.verbose = True
    desk.screen.tell("sending")
    assert desk.err.text == "sending\n"


def test_progress_on_a_terminal_waits_a_second_and_leaves_no_trace() -> None:
    desk = Desk(terminal=True, environ={"TERM": "xterm"})
    desk.screen.tell("sending")
    desk.screen.still()
    assert desk.err.text == ""


def test_closed_stream_is_no_failure() -> None:
    from lanectl.render.screen import Screen

    screen = Screen(None, None, None, {})
    screen.say("nobody reads this")
    screen.flush()
    assert not screen.watched
