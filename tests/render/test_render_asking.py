"""An answer as it arrives: cut only between blocks, and safe on whatever it is written to."""

import io

import pytest

from lanectl.render.asking import Flow, split
from lanectl.render.screen import Screen

FENCED = "```python\nx = 1\n\ny = 2\n```\n"


@pytest.mark.parametrize(
    ("text", "done"),
    [
        pytest.param("", "", id="nothing yet"),
        pytest.param("a word", "", id="a line without its end"),
        pytest.param("a line\nand more", "", id="a paragraph being written"),
        pytest.param("one\n\ntw", "one\n\n", id="a paragraph is over"),
        pytest.param("one\n\ntwo\n\n", "one\n\ntwo\n\n", id="two paragraphs are over"),
        pytest.param("one\n\n```\nx\n\ny", "one\n\n", id="a blank line within a fence ends nothing"),
        pytest.param(FENCED, FENCED, id="a fence is over"),
        pytest.param(FENCED + "and", FENCED, id="text behind a fence"),
        pytest.param("~~~\n```\n\n", "", id="another fence closes nothing"),
        pytest.param("```\nx\n```", "", id="a closing fence without its end of line"),
        pytest.param("- a\n- b\n", "", id="a list that may go on"),
    ],
)
def test_only_whole_blocks_are_done(text: str, done: str) -> None:
    assert split(text) == (done, text[len(done) :])


@pytest.mark.parametrize("text", ["one\n\ntwo\n\n" + FENCED + "three\n", "# h\n\n- a\n- b\n\n> q\n"])
def test_blocks_are_the_same_however_the_text_arrives(text: str) -> None:
    for size in (1, 2, 3, 7):
        pending, blocks = "", ""
        for place in range(0, len(text), size):
            done, pending = split(pending + text[place : place + size])
            blocks += done
        assert blocks + pending == text
        assert blocks == split(text)[0]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def heard(out: io.StringIO, *pieces: str) -> str:
    screen = Screen(out, io.StringIO(), None, {"NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "80"})
    flow = Flow(screen)
    flow.hear("start", "")
    flow.hear("thinking", "hm")
    for piece in pieces:
        flow.hear("text", piece)
    flow.end()
    return out.getvalue()


def test_pipe_gets_the_text_as_it_is_and_one_end_of_line() -> None:
    assert heard(io.StringIO(), "# A", "b\n\n- c", "") == "# Ab\n\n- c\n"
    assert heard(io.StringIO(), "a\n") == "a\n"
    assert heard(io.StringIO()) == ""


@pytest.mark.parametrize("out", [io.StringIO, Terminal], ids=["pipe", "terminal"])
def test_no_answer_reaches_a_screen_with_anything_it_obeys(out: type[io.StringIO]) -> None:
    hostile = (
        "\x1b]52;c;cHduZWQ=\x07 \x1b[31mred \x9b2J \u202eevil\r\nover [click](https://evil.example/x)\n\n"
    )
    shown = heard(out(), *hostile)
    for taken in ("\x1b]", "\x1b[31m", "\x07", "\x9b", "\u202e", "\r\nover"):
        assert taken not in shown
    assert "https://evil.example/x" in shown


def test_terminal_draws_markdown() -> None:
    shown = heard(Terminal(), "- one\n- two\n\n", "**three**")
    assert " • one" in shown
    assert "**three**" not in shown.rsplit("\n", 3)[-2]
