"""Untrusted text inside Markdown loads, links, notifies and closes nothing, and shows as what it is."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lanectl.text.clean import visible
from lanectl.text.markdown import block, inline
from lanectl.text.terminal import line

# A reader that is not ours, with raw HTML let through: whatever slips by becomes a tag here.
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TAGS = {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong"),
    *("s", "a", "br", "hr", "table", "thead", "tbody", "tr", "th", "td"),
}  # fmt: skip
ATTRIBUTES = {"href", "start", "class", "style"}  # `style` is a table's alignment
LIVE = re.compile(r"://|www\.|@[a-z0-9]|#\d|(?<![a-z0-9])gh-\d", re.IGNORECASE | re.ASCII)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
PIECES = [
    "`", "``", "```", "~~~", "~", "~~", "\n", "\n\n", "  ", "    ", "\t", "- ", "1. ", "> ", "|", "\\|",
    "\\", "<script>", "</script>", "<img src=x>", "<!-- ", "-->", "<b", "a", "x y", "![", "[", "](", "]",
    "(", ")", "]:", "[a]: ", "http://e.test/x", "www.e.test", "_www.e.test", "@user", "#1", "GH-1", "&",
    "#64;", "&#64;", "&lt;", "&commat;", "*", "**", "_", "|---|\n", "| a | b |\n|---|---|\n| ", '"', "'",
    "!", "docs/a.md", "(docs/a)", "[t](docs/a)", "![x](y)", "<http://e.test>", "[j](javascript:x)", "===\n",
    "---\n", "$", "é", "\r", "\x00", "\u200b", "\u202e", "\ud800", "user", "1", "@", "#", "/lgtm",
    "- ```\n", "  ```js\n",
]  # fmt: skip
ANYTHING = st.text(alphabet=st.characters(exclude_categories=[]))
HOSTILE = ANYTHING | st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


class Page(HTMLParser):
    """What a reader made of the Markdown: what is wrong with it, and its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[object] = []
        self.tags: list[str] = []
        self.text = ""
        self.in_code = 0
        self._run = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._end_run()
        self.tags.append(tag)
        self.in_code += tag == "code"
        if tag not in TAGS:
            self.wrong.append(tag)
        for name, value in attrs:
            if name not in ATTRIBUTES or (name == "href" and ELSEWHERE.match(value or "")):
                self.wrong.append((tag, name, value))

    def handle_endtag(self, tag: str) -> None:
        self._end_run()
        self.in_code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.text += data
        self._run += data

    def handle_comment(self, data: str) -> None:
        self.wrong.append(data)

    def handle_decl(self, decl: str) -> None:
        self.wrong.append(decl)

    def handle_pi(self, data: str) -> None:
        self.wrong.append(data)

    def unknown_decl(self, data: str) -> None:
        self.wrong.append(data)

    def close(self) -> None:
        super().close()
        self._end_run()

    def _end_run(self) -> None:
        if not self.in_code and LIVE.search(self._run):
            self.wrong.append(self._run)
        self._run = ""


def read(markdown: str) -> Page:
    page = Page()
    page.feed(READER.render(markdown))
    page.close()
    return page


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        (
            "plain words, AT&T, a -> b, f(x), snake_case 50% off!",
            "plain words, AT&T, a -> b, f(x), snake_case 50% off!",
        ),
        ("*bold* _it_ __x__ `code` ~~gone~~", r"\*bold\* \_it\_ \_\_x\_\_ \`code\` \~\~gone\~\~"),
        ("# no heading", r"\# no heading"),
        ("- no item", r"\- no item"),
        ("12. no item", r"12\. no item"),
        ("> no quote", r"\> no quote"),
        ("=== no underline", r"\=== no underline"),
        ("/lgtm", r"\/lgtm"),
        ("<img src=https://e.test/x.png>", "&lt;img `src=https://e.test/x.png`>"),
        ("</td><script>alert(1)</script>", "&lt;/td>&lt;script>alert(1)&lt;/script>"),
        ("&lt;script&gt; &#64;bob &copy", "&amp;lt;script&amp;gt; `&#64;bob` &copy"),
        ("![leak](https://e.test/?q=1)", "`![leak](https://e.test/?q=1)`"),
        ("[a](javascript:alert(1))", r"\[a\](javascript:alert(1))"),
        ("thanks @bob, (@org/team) a@b.test", "thanks `@bob`, (`@org/team`) `a@b.test`"),
        ("closes #1, fixes org/repo#22. GH-3", "closes `#1`, fixes `org/repo#22`. `GH-3`"),
        ("closes https://github.com/o/r/issues/1", "closes `https://github.com/o/r/issues/1`"),
        ("see www.e.test/x(y).", "see `www.e.test/x(y)`."),
        ("a | b || c", r"a \| b \|\| c"),
        ("C:\\dir\\*", "C:\\\\dir\\\\\\*"),
        ("$x^2$", r"\$x^2\$"),
        ("two\nlines\r\nof \t text", "two lines of text"),
        ("\x1b[31m \u202e \ud800", "␛\\[31m &lt;U+202E> \ufffd"),
        ("", ""),
    ],
)
def test_a_line_in_markdown_shows_as_what_it_is(text: str, markdown: str) -> None:
    assert inline(text) == markdown
    assert read(markdown).wrong == []


@settings(deadline=None)
@given(HOSTILE, st.sampled_from(["{}", "- {}", "## {}", "> {}", "| a | b |\n|---|---|\n| {} | z |"]))
def test_a_line_stays_text_wherever_it_stands(text: str, place: str) -> None:
    page = read(place.format(inline(text) or "x"))
    assert page.wrong == []
    assert [tag for tag in page.tags if tag != "code"] == read(place.format("x")).tags


@given(HOSTILE)
def test_a_line_reads_as_the_text_it_was(text: str) -> None:
    words = "".join(read(inline(text)).text.split())
    assert words == "".join(line(text).split())


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        pytest.param(
            "# A\n\n- *b* **c** `List<int>`\n",
            "# A\n\n- *b* **c** `List<int>`\n",
            id="plain markdown is kept",
        ),
        pytest.param(
            "| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |", id="tables are kept"
        ),
        pytest.param("<b>x</b> <!-- y --> a < b", "&lt;b>x&lt;/b> &lt;!-- y --> a &lt; b", id="raw html"),
        pytest.param("a &lt;b&gt; &copy; &#64;bob", "a &lt;b&gt; &amp;copy; `&#64;bob`", id="entities"),
        pytest.param("![alt](https://e.test/?q=1)", "alt", id="image"),
        pytest.param(
            "![a][1]\n\n[1]: https://e.test", "!\\[a][1]\n\n[1]\\: `https://e.test`", id="reference image"
        ),
        pytest.param("[t](https://e.test/x)", "t (`https://e.test/x`)", id="link elsewhere"),
        pytest.param("[![alt](i.png)](https://e.test)", "alt (`https://e.test`)", id="image in a link"),
        pytest.param("[`f()`](https://e.test)", "`f()` (`https://e.test`)", id="code in a link"),
        pytest.param("[t](javascript:alert(1))", "t (`javascript:alert(1)`)", id="javascript"),
        pytest.param("[t](docs/a.md#L3) [u](#part)", "[t](docs/a.md#L3) [u](#part)", id="links within"),
        pytest.param("[t](//e.test) [u](/etc)", "t (`//e.test`) u (`/etc`)", id="links from the root"),
        pytest.param(
            "<https://e.test> https://e.test.", "&lt;`https://e.test`> `https://e.test`.", id="autolinks"
        ),
        pytest.param("by @bob, closes #1", "by `@bob`, closes `#1`", id="mention and reference"),
        pytest.param("**@bob** *closes #1*", "**`@bob`** *closes `#1`*", id="mention in emphasis"),
        pytest.param(r"\@bob \#1 https\://e.test", "`@bob` `#1` `https://e.test`", id="escaped mention"),
        pytest.param("/lgtm\n> /close", "\\/lgtm\n> \\/close", id="commands to bots"),
        pytest.param("`@bob #1 <b>`", "`@bob #1 <b>`", id="code is kept"),
        pytest.param("a ` b\n`<img src=x>`", "a \\` b\n`<img src=x>`", id="a tick that opens nothing"),
        pytest.param("`a | <b>` and `a || b`", "`a | <b>` and `a || b`", id="a bar in code"),
        pytest.param(
            "a | b\n- | -\n`x | <img src=x>` | `a || b` | `c\\|d`\n\n`a | b`",
            "a | b\n- | -\n\\`x | &lt;img src=x>\\` | \\`a || b\\` | `c\\|d`\n\n`a | b`",
            id="a bar in code ends the cell of a table",
        ),
        pytest.param("@user``<b>``", "`@user` ``<b>``", id="code beside code"),
        pytest.param("```html\n<b>\n```", "```html\n<b>\n```", id="html in a fence"),
        pytest.param("a\n~~~\n```\n~~~\nb", "a\n\n````\n```\n````\n\nb", id="fences are written anew"),
        pytest.param("```\n<script>", "```\n<script>\n```", id="a fence that stays open is closed"),
        pytest.param(
            "- a\n  ```\n  x\n<script>\n  ```\n",
            "- a\n\n  ```\n  x\n  <script>\n  ```\n",
            id="a line that leaves a list",
        ),
        pytest.param("1. ```js\n   x\n   ```", "1.\n\n   ```js\n   x\n   ```", id="a fence beside a marker"),
        pytest.param(
            "> ```\n> <b>\n> ```", "> \\`\\`\\`\n> &lt;b>\n> \\`\\`\\`", id="a fence in a quote is text"
        ),
        pytest.param("- - ~~~\n<b>", "- - \\~\\~\\~\n&lt;b>", id="a fence that is not looked at"),
        pytest.param("![~~](x)~ a", "\\~\\~\\~ a", id="a fence put together"),
        pytest.param(
            "@![bob](x) #![1](x) &![#64;](x)bob", "`@bob` `#1` `&#64;bob`", id="mentions put together"
        ),
        pytest.param("```mermaid\nx\n```", "```\nx\n```", id="a fence that would be drawn"),
        pytest.param("\x1b[31m \u202e\r\nx\ry", "␛[31m &lt;U+202E>\nx␍y", id="controls"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_untrusted_markdown_keeps_its_form_and_loses_its_teeth(text: str, markdown: str) -> None:
    assert block(text) == markdown
    assert read(markdown).wrong == []


@settings(deadline=None)
@given(HOSTILE)
def test_untrusted_markdown_loads_and_links_nothing_for_another_reader(text: str) -> None:
    assert read(block(text)).wrong == []


@settings(deadline=None)
@given(HOSTILE)
def test_safe_markdown_is_left_as_it_is(text: str) -> None:
    once = block(text)
    assert block(once) == once


@given(
    st.lists(
        st.sampled_from(["<b>", "`x`", "@u", "https://e.test", "  in", "|", "```x", "\ttab", ""]), min_size=1
    )
)
def test_code_in_a_fence_is_kept_to_the_letter(lines: list[str]) -> None:
    code = "\n".join(lines)
    page = read(block(f"````\n{code}\n````"))
    assert page.tags == ["pre", "code"]
    assert page.text.rstrip("\n") == visible(code).rstrip("\n")
