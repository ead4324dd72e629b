"""The one object of `--json`."""

import json

from lanectl import __version__
from lanectl.errors import Exit, HeldError
from lanectl.render.answer import Answer
from lanectl.render.envelope import envelope


def test_envelope_repeats_code_and_name_and_carries_the_error() -> None:
    error = HeldError("over the cap", where="notes", hint="lanectl spend")
    assert json.loads(envelope("submit", Exit.HELD, {"runs": []}, warnings=("old",), error=error)) == {
        "lanectl": __version__,
        "schema": 1,
        "command": "submit",
        "exit": {"code": 4, "name": "held"},
        "data": {"runs": []},
        "warnings": ["old"],
        "error": {"kind": "held", "message": "over the cap", "where": "notes", "hint": "lanectl spend"},
    }


def test_envelope_is_one_ascii_line_whatever_it_holds() -> None:
    text = envelope("show", Exit.OK, {"key": "\x1b[2J\u202e\ud800 é\n", "cost": float("nan")})
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["data"] == {"key": "\x1b[2J\u202e\ufffd é\n", "cost": None}


def test_trouble_decides_how_an_answer_ends() -> None:
    assert Answer(code=Exit.PARTIAL).exit is Exit.PARTIAL
    assert Answer(code=Exit.PARTIAL, trouble=HeldError("wait")).exit is Exit.HELD
