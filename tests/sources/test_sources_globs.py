"""Globs are anchored, `**` is any number of folders, and nothing leads out of the repository."""

import pytest

from lanectl.errors import ConfigError
from lanectl.sources.globs import matcher

MATCHES = [
    ("**/*.py", ["a.py", "src/a.py", "src/app/a.py", ".hidden/.a.py"], ["a.pyc", "a.py/b", "py"]),
    ("*.py", ["a.py", ".a.py"], ["src/a.py", "a.pyi"]),
    ("src/**", ["src/a", "src/a/b.py"], ["src", "srcs/a", "a/src/b", "asrc/b"]),
    ("src/**/*.py", ["src/a.py", "src/x/y/a.py"], ["src.py", "lib/src/a.py"]),
    ("**/test/**", ["test/a", "a/test/b/c"], ["test", "tests/a", "a/test"]),
    ("**", ["a", "a/b/c"], []),
    ("**/*", ["a", "a/b/c"], []),
    ("src/*/a", ["src/x/a"], ["src/a", "src/x/y/a"]),
    ("a?c", ["abc", "a.c"], ["ac", "a/c", "abbc"]),
    ("[ab].py", ["a.py", "b.py"], ["c.py", "[ab].py"]),
    ("[!ab].py", ["c.py"], ["a.py"]),
    ("[^ab].py", ["c.py"], ["a.py"]),
    ("a[!x]c", ["abc"], ["a/c"]),
    ("a[/]c", [], ["a/c", "abc"]),
    ("[]x]", ["]", "x"], ["[]x]"]),
    ("[!]x]", ["a"], ["]", "x"]),
    ("[a-c]", ["b"], ["-", "d"]),
    ("[[&~|-]", ["[", "&", "~", "|", "-"], ["a"]),
    ("[--0]", ["-", ".", "0"], ["1"]),
    ("[x", ["[x"], ["x"]),
    ("{a,b}.py", ["{a,b}.py"], ["a.py", "b.py"]),
    ("$a+(b).py", ["$a+(b).py"], ["aab.py"]),
    (r"a\*", ["a*"], ["ab", r"a\*"]),
    (r"a\[b]", ["a[b]"], ["ab"]),
    ("README.md", ["README.md"], ["readme.md", "docs/README.md"]),
    ("./README.md", ["README.md"], []),
    ("docs", ["docs", "docs/a", "docs/a/b"], ["docs2", "a/docs/b"]),
    ("docs/", ["docs/a", "docs/a/b"], ["docs"]),
    ("docs/api", ["docs/api", "docs/api/x"], ["docs/apis"]),
    ("a**b", ["ab", "axxb"], ["a/b", "ax/xb"]),
    ("***/a", ["x/a"], ["a", "x/y/a"]),
    ("*.py\n", ["a.py\n"], ["a.py"]),
    ("**/*.py", ["a\nb.py", "a\n/b.py"], []),
    ("é*", ["éa"], ["ea"]),
]


@pytest.mark.parametrize(("pattern", "yes", "no"), MATCHES, ids=[pattern for pattern, _, _ in MATCHES])
def test_pattern_matches_these_and_not_those(pattern: str, yes: list[str], no: list[str]) -> None:
    matches = matcher([pattern], where="x")

    assert [path for path in yes if not matches(path)] == []
    assert [path for path in no if matches(path)] == []


@pytest.mark.parametrize("pattern", ["", "/etc/passwd", "../x", "a/../b", "a//b", "/", "a\0b", "[z-a]"])
def test_pattern_that_leads_nowhere_is_refused_with_its_place(pattern: str) -> None:
    with pytest.raises(ConfigError) as caught:
        matcher(["ok", pattern], where="t.toml [source] include")

    assert str(caught.value) == f'"{pattern}" is no glob below the repository - t.toml [source] include'
    assert caught.value.hint == "git ls-files"


def test_any_of_several_patterns_matches() -> None:
    matches = matcher(["*.py", "docs/**"], where="x")

    assert [path for path in ("a.py", "docs/x", "b.md") if matches(path)] == ["a.py", "docs/x"]


def test_no_pattern_matches_nothing() -> None:
    assert not matcher([], where="x")("a")


def test_pattern_of_many_stars_is_quick_on_a_long_path() -> None:
    matches = matcher(["**/**/**/**/**/a*a*a*a*b"], where="x")

    assert not matches("/".join(["aaaa"] * 30))
