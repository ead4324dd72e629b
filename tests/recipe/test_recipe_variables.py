"""`--set` changes the declared variables, in the type that they have."""

from collections.abc import Callable

import pytest

from lanectl.errors import UsageError
from lanectl.recipe.tables import JsonScalar, Recipe
from lanectl.recipe.variables import settle

Make = Callable[..., Recipe]

VARS = "[vars]\ntone = 'kind'\ncount = 3\nshare = 0.5\nstrict = true"


@pytest.mark.parametrize(
    ("sets", "changed"),
    [
        ({}, {}),
        ({"tone": "a=b, c"}, {"tone": "a=b, c"}),
        ({"count": "4", "share": "1"}, {"count": 4, "share": 1.0}),
        ({"strict": "false"}, {"strict": False}),
    ],
)
def test_values_take_the_type_of_their_defaults(
    recipe: Make, sets: dict[str, str], changed: dict[str, JsonScalar]
) -> None:
    assert settle(recipe(vars=VARS), sets) == {
        "tone": "kind",
        "count": 3,
        "share": 0.5,
        "strict": True,
        **changed,
    }


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"ton": "x"}, "the recipe sample declares no ton; did you mean tone?"),
        ({"zz": "x"}, "the recipe sample declares no zz: it declares tone, count, share, strict"),
        ({"count": "many"}, "--set count must be a whole number, not many"),
        ({"share": "half"}, "--set share must be a number, not half"),
        ({"strict": "yes"}, "--set strict must be true or false, not yes"),
    ],
)
def test_wrong_key_or_value_is_a_mistake_of_the_command_line(
    recipe: Make, sets: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        settle(recipe(vars=VARS), sets)
    assert (caught.value.message, caught.value.hint) == (message, "lanectl recipes show sample")
