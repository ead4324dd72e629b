"""A recipe is looked over before its first night."""

from collections.abc import Callable

import pytest

from lanectl.recipe.check import Checked, check
from lanectl.recipe.tables import Recipe

Make = Callable[..., Recipe]

JOB = "[job]\nkey = '{{ item.path }}'\n"
RESENT = 'which changes by itself: with repeat = "changed" all is sent again'


def test_sound_recipe_has_nothing_to_hear(recipe: Make) -> None:
    assert check(recipe()) == Checked((), ())


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        (
            {"job": "[job]\nkey = 'all'\nprompt = '{{ item.text }}'"},
            "[job] key is the same for every item: it must speak of the item",
        ),
        (
            {"prefix": "[prefix]\nfiles = ['../x']"},
            '[prefix] files has "../x": globs stay below the repository',
        ),
        (
            {"source": "[source]\nkind = 'files'\ninclude = ['/etc/*']"},
            '[source] include has "/etc/*": globs stay below the repository',
        ),
        (
            {"source": "[source]\nkind = 'files'\nexclude = ['a/../b']"},
            '[source] exclude has "a/../b": globs stay below the repository',
        ),
        (
            {
                "source": "[source]\nkind = 'text'\nlines = true",
                "job": "[job]\nkey = '{{ item.name }}'\nprompt = '{{ item.text }}'",
                "output": "[output]\nkind = 'edits'",
            },
            '[output] kind "edits" are edits of a file: they need the source kind "files"',
        ),
        (
            {"output": "[output]\nkind = 'text'\npath = '/tmp/{{ item.path }}'"},
            "[output] path leads out of the run's artifact folder",
        ),
        (
            {"output": "[output]\nkind = 'text'\npath = '../{{ item.path }}'"},
            "[output] path leads out of the run's artifact folder",
        ),
        (
            {"job": JOB + "prompt = '{{ item.txt }}'"},
            "[job] prompt item.txt is unknown; did you mean item.text?",
        ),
    ],
)
def test_what_will_fail_is_a_problem(recipe: Make, parts: dict[str, str], problem: str) -> None:
    assert check(recipe(**parts)) == Checked((problem,), ())


@pytest.mark.parametrize(
    ("parts", "warnings"),
    [
        (
            {"job": JOB + "prompt = '{{ item.text }} on {{ today }}'"},
            (f"[job] prompt speaks of today, {RESENT}",),
        ),
        (
            {
                "job": "[job]\nkey = '{{ item.path }}@{{ repo.commit }}'\n"
                "prompt = '{{ item }} {{ repo.branch }}'"
            },
            (f"[job] key speaks of repo.commit, {RESENT}", f"[job] prompt speaks of repo.branch, {RESENT}"),
        ),
        ({"job": JOB + "prompt = '{{ item.text }} on {{ today }}'", "run": "[run]\nrepeat = 'always'"}, ()),
        (
            {"job": JOB + "prompt = 'hello'"},
            ("[job] prompt does not speak of the item: every job asks the same",),
        ),
        (
            {"output": "[output]\nkind = 'text'\npath = 'out.txt'"},
            ("[output] path is the same for every item: artifacts will need other names",),
        ),
        (
            {"output": "[output]\nkind = 'json'"},
            ("[output] schema is missing: nothing but JSON itself is enforced",),
        ),
        (
            {"lane": "[lane]\neffort = 'max'\nmax_tokens = 8000"},
            ("[lane] max_tokens counts thinking too: below 64000 answers at max may be cut",),
        ),
        (
            {"vars": "[vars]\na = 1\nb = 2", "prefix": "[prefix]\nsystem = '{{ vars.a }}'"},
            ("[vars] b is used by no template",),
        ),
        ({"vars": "[vars]\na = 1", "prefix": "[prefix]\nsystem = '{{ vars }}'"}, ()),
        (
            {"name": 'name = "other"'},
            ('name is "other" in a file named sample.toml: found only by its path',),
        ),
    ],
)
def test_what_will_surprise_is_a_warning(
    recipe: Make, parts: dict[str, str], warnings: tuple[str, ...]
) -> None:
    assert check(recipe(**parts)) == Checked((), warnings)


def test_one_text_needs_no_item_in_its_key(recipe: Make) -> None:
    job = "[job]\nkey = 'notes'\nprompt = '{{ item.text }}'"
    assert check(recipe(source="[source]\nkind = 'text'", job=job)) == Checked((), ())
