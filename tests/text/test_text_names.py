"""Any text becomes a name that is safe everywhere, or is refused as a path."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.text.names import file_name, fold, relative_path, slug

ANYTHING = st.text(alphabet=st.characters(exclude_categories=[]))
PIECES = [
    "..", ".", "/", "\\", "~", "C:", "CON", "nul", "COM1", "LPT¹", ".git", "git~1", "-", "-rf", " ", "\x00",
    "\n", "\u200c", "\u202e", "\ud800", "é", "e\u0301", "\u0301", "漢", "😀", "Å", "\u212b", "a" * 60, ".md",
    "@", "x", ".",
]  # fmt: skip
HOSTILE = ANYTHING | st.lists(st.sampled_from(PIECES)).map("".join)
DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d|com[¹²³]|lpt[¹²³])(\.|\Z)")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("src/app.py", "src-app-py"),
        ("Überprüfung Nr. 7", "Uberprufung-Nr-7"),
        ("--a  b--", "a-b"),
        ("jane.doe@acme.test", ""),
        ("PR 12 by <jane.doe@acme.test> (fix)", "PR-12-by-fix"),
        ("jane.doe＠acme.test jane﹫acme.test", ""),
        ("@scope/package", ""),
        ("漢字", ""),
        ("\ud800\x00a", "a"),
        ("a" * 40, "a" * 31),
        ("a" * 30 + " bcd", "a" * 30),
        ("", ""),
    ],
)
def test_a_slug_is_ascii_and_tells_no_address(text: str, name: str) -> None:
    assert slug(text) == name


@given(HOSTILE, st.integers(min_value=0, max_value=40))
def test_a_slug_fits_in_a_custom_id(text: str, limit: int) -> None:
    assert re.fullmatch(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)?", slug(text, limit))
    assert len(slug(text, limit)) <= limit


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pr-12.md", "pr-12.md"),
        ("Résumé v1.2+3@x,y=z_.txt", "Résumé-v1.2+3@x,y=z_.txt"),
        ("e\u0301", "é"),
        ("\u212b", "Å"),
        ("a/b\\c:d*e?f|g", "a-b-c-d-e-f-g"),
        ("line\nbreak\x00\x1b\u202e\ud800", "line-break"),
        ("-rf", "rf"),
        (".env", "env"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("\u200b", "unnamed"),
        ("😀", "unnamed"),
        ("\u0301a", "a"),
        ("trailing. . ", "trailing"),
        ("CON", "_CON"),
        ("con.tar.gz", "_con.tar.gz"),
        ("Lpt9.md", "_Lpt9.md"),
        ("COM¹", "_COM¹"),
        ("console", "console"),
        ("nul-1", "nul-1"),
        ("हिन्दी", "हिन्दी"),
        ("x" * 300, "x" * 100),
        ("x" * 300 + ".tar.gz", "x" * 93 + ".tar.gz"),
        ("漢" * 100 + ".md", "漢" * 32 + ".md"),
        ("a" + "." * 300 + "md", "a.md"),
    ],
)
def test_a_file_name_is_one_safe_component(text: str, name: str) -> None:
    assert file_name(text) == name


def is_safe(name: str) -> bool:
    return (
        1 <= len(name.encode()) <= 100
        and unicodedata.is_normalized("NFC", name)
        and name[0] not in ".-"
        and name[-1] not in ". "
        and not DEVICE.match(name)
        and all(c in "._-+@,=" or unicodedata.category(c)[0] in "LMN" for c in name)
    )


@given(HOSTILE)
def test_every_text_has_a_safe_file_name_that_keeps_it(text: str) -> None:
    name = file_name(text)
    assert is_safe(name)
    assert file_name(name) == name


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("src/app.py", "src/app.py"),
        ("./src//app.py", "src/app.py"),
        ("docs/My file.md", "docs/My-file.md"),
        (".github/workflows/ci.yml", "github/workflows/ci.yml"),
        ("pages/[id].tsx", "pages/id-.tsx"),
        ("aux/x.py", "_aux/x.py"),
        ("a/...b", "a/b"),
        ("digit.git/x", "digit.git/x"),
        (".gitignore", "gitignore"),
        ("x" * 300, "x" * 100),
        ("Cafe\u0301.md", "Café.md"),
        ("a:b", None),
        ("", None),
        (".", None),
        ("..", None),
        ("../x", None),
        ("a/../../x", None),
        ("a/.. /x", None),
        ("a/.../x", None),
        ("a/. ./x", None),
        ("/etc/passwd", None),
        ("//host/share", None),
        ("C:x", None),
        ("C:/x", None),
        ("..\\x", None),
        ("a\\b", None),
        ("~/x", None),
        ("~root", None),
        ("nul\x00", None),
        ("a\nb", None),
        ("a\tb", None),
        ("a\x1b[2Jb", None),
        ("a/\u202egpj.exe", None),
        ("lone \ud800", None),
        (".git/config", None),
        ("a/.GIT/hooks/x", None),
        (".git./x", None),
        (".git /x", None),
        (" .git/x", None),
        ("git~1/x", None),
        (".g\u200cit/x", None),
        (".git::$INDEX_ALLOCATION/x", None),
        ("/".join(["x" * 90] * 12), None),
    ],
)
def test_a_path_stays_below_its_folder_or_is_refused(text: str, path: str | None) -> None:
    assert relative_path(text) == path


@given(HOSTILE)
def test_every_accepted_path_is_made_of_safe_names(text: str) -> None:
    path = relative_path(text)
    if path is not None:
        assert all(is_safe(part) for part in path.split("/"))
        assert ".git" not in path.lower().split("/")
        assert len(path.encode()) <= 1000
        assert relative_path(path) == path


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("README.md", "readme.MD"),
        ("Caf\u00e9", "cafe\u0301"),
        ("STRASSE", "straße"),
        ("Å", "\u212b"),
        ("ΣΑΣ", "σας"),
        ("\u1fb3", "\u03b1\u0345"),
    ],
)
def test_twins_of_case_and_composition_fold_to_one(one: str, other: str) -> None:
    assert one != other
    assert fold(one) == fold(other)


def test_different_names_fold_apart() -> None:
    assert len({fold(name) for name in ("a", "b", "ä", "a/b", "ab", "a.b")}) == 6


@given(HOSTILE)
def test_folding_is_stable_and_knows_the_other_forms(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert fold(unicodedata.normalize("NFD", text)) == folded
    assert fold(unicodedata.normalize("NFC", text)) == folded
