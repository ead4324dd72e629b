"""One raw line of results ends as exactly one outcome, whatever its bytes."""

import json
from typing import Any

import pytest

from lanectl.models import JobError, Outcome, Result, Usage
from lanectl.outputs.read import Expected, custom_id_of
from tests.outputs.answers import USAGE, a_line, a_message, a_reader, a_success, said

JOB = Expected("L1_job", "pr-7", "")
BILLED = Usage(input_tokens=10, output_tokens=20)


def read(line: bytes) -> Result:
    return a_reader("text").read(line, JOB)


def test_finished_answer_is_its_text_blocks_joined_and_nothing_else() -> None:
    content = [
        {"type": "thinking", "thinking": "secret"},
        {"type": "text", "text": "All "},
        {"type": "tool_use", "id": "t", "name": "n", "input": {"text": "no"}},
        {"type": "text", "text": "is well."},
    ]
    result = read(a_success("", content=content))
    assert (result.outcome, result.text, result.usage, result.stop_reason) == (
        Outcome.SUCCEEDED,
        "All is well.",
        BILLED,
        "end_turn",
    )
    assert [(file.path, file.data) for file in result.files] == [("pr-7.txt", b"All is well.\n")]
    assert result.headline == "All is well."


def test_errored_result_is_unwrapped_twice() -> None:
    error = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "temperature: not permitted"},
        "request_id": "req_9",
    }
    assert read(a_line({"type": "errored", "error": error})) == Result(
        Outcome.ERRORED,
        error=JobError("invalid_request_error", "temperature: not permitted", "req_9"),
        headline="temperature: not permitted",
    )


def test_error_code_of_the_details_is_told_beside_the_message() -> None:
    details = {"error_code": "enforced_spend_limit_reached"}
    error = {"error": {"type": "rate_limit_error", "message": "Limit reached.", "details": details}}
    result = read(a_line({"type": "errored", "error": error}))
    assert result.error == JobError("rate_limit_error", "Limit reached. (enforced_spend_limit_reached)")


@pytest.mark.parametrize("error", [None, 3, [], {}, {"error": None}, {"error": {"type": 4, "message": []}}])
def test_errored_result_without_a_usable_error_still_is_errored(error: object) -> None:
    result = read(a_line({"type": "errored", "error": error}))
    assert (result.outcome, result.error) == (
        Outcome.ERRORED,
        JobError("unknown_error", "the provider gave no message"),
    )


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        ("canceled", "canceled before it was processed; not billed"),
        ("expired", "not processed within 24 hours; not billed"),
    ],
)
def test_result_that_never_ran_says_so(type_: str, message: str) -> None:
    result = read(a_line({"type": type_}))
    assert (str(result.outcome), result.error) == (type_, JobError(type_, message))


@pytest.mark.parametrize(
    ("details", "message"),
    [
        (
            {"type": "refusal", "category": "cyber", "explanation": "An exploit was asked for."},
            "cyber: An exploit was asked for.",
        ),
        ({"type": "refusal", "category": "bio", "explanation": None}, "bio"),
        (None, "refused without a category"),
        ([], "refused without a category"),
    ],
)
def test_refusal_is_refused_and_billed(details: object, message: str) -> None:
    result = read(a_success("Sorry", stop_reason="refusal", stop_details=details))
    assert (result.outcome, result.error) == (Outcome.REFUSED, JobError("refusal", message))
    assert (result.usage, result.text, result.files) == (BILLED, "Sorry", ())


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        ("max_tokens", "the answer reached max_tokens after 20 tokens"),
        ("pause_turn", "the provider paused a long turn, which a batch cannot resume after 20 tokens"),
        (
            "model_context_window_exceeded",
            "prompt and answer filled the model's context window after 20 tokens",
        ),
    ],
)
def test_unfinished_answer_is_truncated_and_kept(stop: str, message: str) -> None:
    result = read(a_success("Half an ans", stop_reason=stop))
    assert (result.outcome, result.error, result.text) == (
        Outcome.TRUNCATED,
        JobError(stop, message),
        "Half an ans",
    )
    assert (result.usage, result.files) == (BILLED, ())


@pytest.mark.parametrize(
    "content", [[], [{"type": "text", "text": " \n"}], [{"type": "text", "text": 4}], ["x"]]
)
def test_answer_without_text_is_invalid_and_billed(content: list[Any]) -> None:
    result = read(a_success("", content=content))
    assert said(result) == ("invalid", "the answer holds no text (stop_reason 'end_turn')")
    assert result.usage == BILLED


def test_answer_that_stopped_for_a_tool_is_invalid() -> None:
    result = read(a_success("Let me look.", stop_reason="tool_use"))
    assert said(result) == ("invalid", "the answer stopped to call a tool, which nothing here answers")


def test_stop_reason_of_the_future_does_not_spoil_a_good_answer() -> None:
    result = read(a_success("Fine.", stop_reason="telepathy"))
    assert (result.outcome, result.stop_reason) == (Outcome.SUCCEEDED, "telepathy")


DEEP = b'{"custom_id":"L1_job","result":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
NESTED = b'{"custom_id":"L1_job","result":{"type":' + b'{"a":' * 80 + b"1" + b"}" * 80 + b"}}"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "the results line is not JSON: Expecting value at character 0"),
        (b"\n", "the results line is not JSON: Expecting value at character 1"),
        (b"null", "the results line holds no result"),
        (b"[]", "the results line holds no result"),
        (b'{"custom_id":"L1_job"}', "the results line holds no result"),
        (b'{"custom_id":"L1_job","result":[]}', "the results line holds no result"),
        (
            b'{"custom_id":"L1_job","resu',
            "the results line is not JSON: Unterminated string starting at at character 22",
        ),
        (b'{"custom_id":"L1_job","result":\xff}', "the results line is not JSON: not UTF-8 at byte 31"),
        (
            b'{"custom_id":"L1_job","custom_id":"L1_job","result":{}}',
            "the results line is not JSON: the key 'custom_id' stands twice",
        ),
        (b'{"custom_id":"L1_job","result":{"type":NaN}}', "the results line is not JSON: NaN is not JSON"),
        (b'{"custom_id":"L1_job","result":-Infinity}', "the results line is not JSON: -Infinity is not JSON"),
        (
            b'{"custom_id":"L1_job","result":1e999}',
            "the results line is not JSON: a number too large to keep",
        ),
        (
            b'{"custom_id":"L1_job","result":' + b"9" * 5000 + b"}",
            "the results line is not JSON: an integer with too many digits",
        ),
        (
            b'{"custom_id":"L1_job","result":{"type":"\\ud800"}}',
            "the results line is not JSON: a lone surrogate, which no file can hold",
        ),
        (
            b'{"custom_id":"L1_job","result":{"\\udfff":1}}',
            "the results line is not JSON: a lone surrogate, which no file can hold",
        ),
        (DEEP, "the results line is not JSON: nested too deeply"),
        (NESTED, "the results line is not JSON: nested too deeply"),
        (b'{"custom_id":"L1_other","result":{"type":"expired"}}', "the results line is for another job"),
        (b'{"custom_id":7,"result":{"type":"expired"}}', "the results line is for another job"),
        (a_line({"type": "paused"}), "the result has the unknown type 'paused'"),
        (a_line({"type": None}), "the result has the unknown type None"),
        (a_line({"type": ["succeeded"]}), "the result has the unknown type (no text)"),
        (a_line({"type": "succeeded"}), "the result holds no message"),
        (a_line({"type": "succeeded", "message": {"content": "text"}}), "the result holds no message"),
        (a_line({"type": "succeeded", "message": []}), "the result holds no message"),
    ],
)
def test_line_that_cannot_be_read_is_unreadable_and_says_why(line: bytes, why: str) -> None:
    assert read(line) == Result(Outcome.UNREADABLE, error=JobError("unreadable_line", why), headline=why)


def test_control_characters_of_an_error_do_not_survive() -> None:
    error = {"error": {"type": "api_error", "message": "\x1b]52;c;eA==\x07 line\nbreak"}}
    result = read(a_line({"type": "errored", "error": error}))
    assert result.error is not None
    assert "\x1b" not in result.error.message
    assert "\n" not in result.error.message


def test_message_of_the_interactive_lane_is_read_alike() -> None:
    reader = a_reader("text")
    message = a_message("Good.", usage=USAGE)
    assert reader.read_message(message, JOB) == reader.read(a_success("Good."), JOB)


@pytest.mark.parametrize("message", [None, "x", {}, {"content": None}])
def test_message_that_is_none_is_unreadable(message: object) -> None:
    assert said(a_reader("text").read_message(message, JOB)) == ("unreadable", "the result holds no message")


def test_lone_surrogate_in_a_message_of_the_sdk_is_replaced() -> None:
    result = a_reader("text").read_message(a_message("a\ud800b"), JOB)
    assert (result.outcome, result.text) == (Outcome.SUCCEEDED, "a\ufffdb")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (a_line({"type": "expired"}, "L1_a-B_9"), "L1_a-B_9"),
        (b'{"result":{"type":"expired"},"custom_id":"L1_x"}', "L1_x"),
        (b'{"custom_id" : "L1_x", "result": {"type": NaN}}', "L1_x"),
        (b'{"custom_id":"L1_x","result":{"type":"succ', "L1_x"),
        (b'\xff{"custom_id":"L1_x"', "L1_x"),
        (b'{"custom_id":"L1_x","result":{"message":{"text":"say \\"custom_id\\":\\"L1_y\\"', "L1_x"),
        (b'{"custom_id":"L1_x","result":{"custom_id":"L1_y", ', None),
        (b'{"custom_id":"L1_x","custom_id":"L1_x"}', "L1_x"),
        (b'{"custom_id":"L1_x","custom_id":"L1_y"}', None),
        (b'{"custom_id":"' + b"a" * 65 + b'"}', None),
        (b'{"custom_id":"a b"}', None),
        (b'{"custom_id":"a\\n"}', None),
        (b'{"custom_id":["L1_x"]}', None),
        (b"null", None),
        (b"", None),
    ],
)
def test_custom_id_is_found_where_the_line_names_exactly_one(line: bytes, found: str | None) -> None:
    assert custom_id_of(line) == found


def test_answer_that_breaks_its_own_check_costs_only_itself() -> None:
    # A schema that can only be asked about by recursion too deep for the interpreter would be such a case.
    reader = a_reader("text")
    reader._kind = type(reader._kind)("", _explodes)
    result = reader.read(a_success("x"), JOB)
    assert said(result) == ("invalid", "the answer could not be checked: ZeroDivisionError")
    assert result.usage == BILLED


def _explodes(*_: object) -> Any:
    raise ZeroDivisionError


def test_results_line_of_a_megabyte_is_read_at_once() -> None:
    text = json.dumps("é" * 1_000_000)
    assert read(a_success(text)).outcome is Outcome.SUCCEEDED
