"""The HTML of a hostile text holds only what is on the list."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanectl.text.html import escape, markdown

ALLOWED = {
    **{
        tag: frozenset[str]()
        for tag in ("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "li", "blockquote", "pre")
    },
    **{tag: frozenset[str]() for tag in ("code", "em", "strong", "del", "br", "hr")},
    **{tag: frozenset[str]() for tag in ("table", "thead", "tbody", "tr", "th", "td")},
    "ol": frozenset({"start"}),
    "span": frozenset({"class"}),
    "a": frozenset({"href", "rel"}),
}
VOID = {"br", "hr"}
ANYTHING = st.text(alphabet=st.characters(exclude_categories=[]))
PIECES = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!--", "-->", "<a href='javascript:x'>",
    "</p>", "&lt;", "&#x202e;", "&", "\"", "'", "```\n", "~~~\n", "`", "``", "\n", "\n\n", "  \n", "# ",
    "- ", "1. ", "> ", "    ", "|", "|-|-|\n", "*", "**", "***", "_", "__", "~~", "\\", "[", "![", "](",
    ")", "[x](javascript:alert(1))", "[x](https://a.test/\"onclick=1)", "![x](https://evil.test/x.png)",
    "https://a.test/?q=<b>&x=\"y\"", "https://", "[a](https://good.test@evil.test)",
    "[a](data:text/html,x)", "[https://good.test](https://evil.test)", "\x1b[31m", "\u202e", "\x00",
    "\ud800", "word", " ", "- [x] ", "+ ", "***\n", "7) ",
]  # fmt: skip
HOSTILE = ANYTHING | st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


class Page(HTMLParser):
    """Holds a page against the list, and keeps its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[object] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            link = name != "href" or (value or "").lower().startswith(("https://", "http://"))
            if name not in ALLOWED.get(tag, ()) or not link:
                self.wrong.append((tag, name, value))
        if tag not in ALLOWED:
            self.wrong.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.wrong.append(data)

    def handle_decl(self, decl: str) -> None:
        self.wrong.append(decl)

    def handle_pi(self, data: str) -> None:
        self.wrong.append(data)

    def unknown_decl(self, data: str) -> None:
        self.wrong.append(data)


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("\" onclick='x'", "&quot; onclick=&#x27;x&#x27;"),
        ("</script>", "&lt;/script&gt;"),
        ("&lt;", "&amp;lt;"),
        ("\u202egnp.exe\x1b\ud800", "&lt;U+202E&gt;gnp.exe␛\ufffd"),
    ],
)
def test_escaped_text_stands_in_elements_and_attributes(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@given(HOSTILE)
def test_escaped_text_is_never_a_tag_and_reads_as_itself(text: str) -> None:
    page = read(f'<span class="{escape(text)}">{escape(text)}</span>')
    assert page.wrong == []


REL = 'rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("source", "html"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>", id="paragraphs"),
        pytest.param("## A *b* ##", "<h2>A <em>b</em></h2>", id="heading"),
        pytest.param("####### seven", "<p>####### seven</p>", id="no heading of seven"),
        pytest.param("#hash", "<p>#hash</p>", id="a hash is no heading"),
        pytest.param("a  \nb\\\nc", "<p>a<br>\nb<br>\nc</p>", id="hard breaks"),
        pytest.param("---\n***\n_ _ _", "<hr>\n<hr>\n<hr>", id="rules"),
        pytest.param(
            "***both*** **b *i***",
            "<p><strong><em>both</em></strong> <strong>b <em>i</em></strong></p>",
            id="emphasis",
        ),
        pytest.param(
            "snake_case_name __init__ 2 * 3 * 4",
            "<p>snake_case_name <strong>init</strong> 2 * 3 * 4</p>",
            id="names are no emphasis",
        ),
        pytest.param("~~gone~~ **open", "<p><del>gone</del> **open</p>", id="unclosed emphasis is text"),
        pytest.param("*a **b* c**", "<p><em>a **b</em> c**</p>", id="crossed emphasis nests"),
        pytest.param(
            "`a<b` ``x ` y`` `open", "<p><code>a&lt;b</code> <code>x ` y</code> `open</p>", id="code"
        ),
        pytest.param(r"\*no\* \<b> \`", "<p>*no* &lt;b&gt; `</p>", id="escapes"),
        pytest.param(
            "&lt;b&gt; &copy; &#x202e; &nope;",
            "<p>&lt;b&gt; © &lt;U+202E&gt; &amp;nope;</p>",
            id="entities are characters",
        ),
        pytest.param(
            "<b onclick=x>raw</b> <!-- c -->",
            "<p>&lt;b onclick=x&gt;raw&lt;/b&gt; &lt;!-- c --&gt;</p>",
            id="raw html",
        ),
        pytest.param(
            "```html\n<script>\n```\nafter",
            "<pre><code>&lt;script&gt;\n</code></pre>\n<p>after</p>",
            id="html in a fence",
        ),
        pytest.param("~~~\n```\n~~~", "<pre><code>```\n</code></pre>", id="a fence in a fence"),
        pytest.param(
            "```\nopen\n\n<b>", "<pre><code>open\n\n&lt;b&gt;\n</code></pre>", id="a fence that stays open"
        ),
        pytest.param("````\n```\n````", "<pre><code>```\n</code></pre>", id="a longer fence"),
        pytest.param(
            "- a\n- b\n  - c\n\ntext",
            "<ul>\n<li>a</li>\n<li>b\n<ul>\n<li>c</li>\n</ul></li>\n</ul>\n<p>text</p>",
            id="nested list",
        ),
        pytest.param("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>', id="numbered list"),
        pytest.param(
            "- a\n\n  b\n- c", "<ul>\n<li><p>a</p>\n<p>b</p></li>\n<li>c</li>\n</ul>", id="loose item"
        ),
        pytest.param("- [ ] open\n- [x] done", "<ul>\n<li>☐ open</li>\n<li>☑ done</li>\n</ul>", id="tasks"),
        pytest.param(
            "1. a\n   ```\n   x\n\n   y\n   ```\nafter",
            "<ol>\n<li><p>a</p>\n<pre><code>x\n\ny\n</code></pre></li>\n</ol>\n<p>after</p>",
            id="code in a list",
        ),
        pytest.param(
            "> a\n> > b\n\nc",
            "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>\n<p>c</p>",
            id="quotes",
        ),
        pytest.param(
            "| a | b |\n|---|:-:|\n| 1 | `x\\|y` | 3 |\nafter",
            "<table>\n<thead>\n<tr><th>a</th><th>b</th></tr>\n</thead>\n<tbody>\n<tr><td>1</td><td><code>x|y</code></td></tr>\n</tbody>\n</table>\n<p>after</p>",
            id="table",
        ),
        pytest.param("a | b\nno table", "<p>a | b\nno table</p>", id="no table without its second line"),
        pytest.param(
            "[text](https://a.test/x?y=1&z)",
            f'<p><a href="https://a.test/x?y=1&amp;z" {REL}>text</a> <span class="host">(a.test)</span></p>',
            id="link",
        ),
        pytest.param(
            "see https://a.test/x, ok (https://b.test/y(z))",
            f'<p>see <a href="https://a.test/x" {REL}>https://a.test/x</a>, ok (<a href="https://b.test/y(z)" {REL}>https://b.test/y(z)</a>)</p>',
            id="bare addresses",
        ),
        pytest.param(
            "[https://good.test](https://evil.test)",
            f'<p><a href="https://evil.test" {REL}>https://good.test</a> '
            '<span class="host">(evil.test)</span>'
            "</p>",
            id="a label that poses",
        ),
        pytest.param(
            "[a](https://good.test@evil.test/) https://good.test@evil.test",
            "<p>a https://good.test@evil.test</p>",
            id="a user that poses as the host",
        ),
        pytest.param("[a](https://раypal.test/)", "<p>a</p>", id="a host in look-alike letters"),
        pytest.param(
            "[a](javascript:alert(1)) [b](JaVaScRiPt:x) [c](data:text/html,x) [d](//a.test) [e](vbscript:x)",
            "<p>a b c d e</p>",
            id="links that are no http",
        ),
        pytest.param(
            "[a](\x01javascript:alert(1)) [b](java\tscript:alert(1))",
            "<p>a [b](java  script:alert(1))</p>",
            id="links with controls",
        ),
        pytest.param('[a](https://a.test/"onmouseover="x)', "<p>a</p>", id="a quote in a link"),
        pytest.param("![alt *text*](https://evil.test/leak?q=1)", "<p>alt <em>text</em></p>", id="image"),
        pytest.param(
            "[![alt](https://i.test/x.png)](https://a.test)",
            f'<p><a href="https://a.test" {REL}>alt</a> <span class="host">(a.test)</span></p>',
            id="image in a link",
        ),
        pytest.param(
            "[x][1]\n\n[1]: javascript:alert(1)",
            "<p>[x][1]</p>\n<p>[1]: javascript:alert(1)</p>",
            id="reference links are text",
        ),
        pytest.param(
            "<https://a.test>",
            f'<p>&lt;<a href="https://a.test" {REL}>https://a.test</a>&gt;</p>',
            id="autolink",
        ),
        pytest.param("\x1b]0;x\x07 \u202e \x00", "<p>␛]0;x␇ &lt;U+202E&gt; ␀</p>", id="controls"),
        pytest.param(
            ">" * 12 + " deep",
            "<blockquote>\n" * 8 + "<p>&gt;&gt;&gt;&gt; deep</p>" + "\n</blockquote>" * 8,
            id="quotes deeper than eight are text",
        ),
    ],
)
def test_markdown_becomes_exactly_this_html(source: str, html: str) -> None:
    assert markdown(source) == html
    assert read(html).wrong == []


@settings(deadline=None)
@given(HOSTILE)
def test_html_holds_only_listed_tags_and_attributes_and_closes_them(text: str) -> None:
    page = read(markdown(text))
    assert page.wrong == []
    assert page.open == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "*" * 50_000,
            "[" * 50_000,
            "`" * 50_000,
            "> " * 25_000,
            "a" + " " * 50_000 + "b",
            "[a](http://" * 5_000,
        ),
        *("|" * 25_000 + "\n" + "|-" * 25_000, "http://a.test/" + "." * 50_000),
        "\n".join(" " * (2 * n) + "- a" for n in range(300)),
    ],
    ids=["stars", "brackets", "ticks", "quotes", "blanks", "links", "bars", "dots", "lists"],
)
def test_a_text_made_to_take_for_ever_does_not(text: str) -> None:
    assert read(markdown(text)).wrong == []
