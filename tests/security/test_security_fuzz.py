"""Any bytes are read without a traceback: recipes, results, texts."""

from hypothesis import HealthCheck, given, settings

from tests.security.fuzzed import LINES, RECIPES, TEXTS, make_safe, read_recipe, read_result

short = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip -- one line of settings


@short
@given(RECIPES)
def test_any_bytes_are_a_recipe_or_a_configuration_error(data: bytes) -> None:
    read_recipe(data)


@short
@given(LINES)
def test_any_line_of_results_has_an_outcome(line: bytes) -> None:
    read_result(line)


@short
@given(TEXTS)
def test_any_text_is_made_safe_for_every_sink(text: str) -> None:
    make_safe(text)
