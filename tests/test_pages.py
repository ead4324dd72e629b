"""The digest's page in a real browser: it filters, finds, answers to keys, and loads nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lanectl.digest import html
from lanectl.digest.model import Moved
from lanectl.models import Outcome, Severity
from tests.browser import PROGRAM, Browser, Page, chromium, open_page
from tests.nights import Night, a_finding, a_job, a_run, link

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="no Chromium on this machine: the page is not looked at"
)

HOSTILE = (
    '<script>document.title="owned"</script><img src="https://evil.example/x.png" onerror="document.title=1">'
)


def a_night() -> Night:
    """47 reviews of which seven found something, a run of patches, and two jobs that were lost."""
    keys = [f"pr-{number}" for number in range(47)]
    found = {
        "pr-1": [
            a_finding("The lock is held while it sleeps", severity=Severity.CRITICAL, path="src/lock.py")
        ],
        **{f"pr-{n}": [a_finding(f"Offset {n} is dropped", path=f"src/time/{n}.py")] for n in range(2, 9)},
        "pr-9": [
            a_finding(HOSTILE, severity=Severity.LOW, detail=HOSTILE, suggestion=HOSTILE, category="security")
        ],
    }
    jobs = [a_job(key) for key in keys[:45]] + [a_job(key, Outcome.ERRORED) for key in keys[45:]]
    night = Night().add(a_run(jobs=47, outcomes={"succeeded": 45, "errored": 2}), jobs, found)
    edits = a_run("R2", recipe="mods", output_kind="edits", jobs=1)
    return night.add(edits, [a_job("src/cart.py", artifact="patches/src/cart.py.patch", headline="Renamed.")])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    file = tmp_path / "digest.html"
    file.write_text(html.render(a_night().digest(), link=link), encoding="utf-8")
    opened = open_page(browser, file.as_uri())
    opened.ask("localStorage.clear()")
    yield opened
    opened.close()


def shown(page: Page, selector: str = ".item") -> int:
    """How many of them a person can see, folded ones not counted."""
    count: int = page.ask(
        f"[...document.querySelectorAll('{selector}')].filter((e) => e.checkVisibility() && !e.closest("
        "'details.more:not([open])')).length"
    )
    return count


def current(page: Page) -> str:
    """The first words of what the keyboard is on."""
    text: str = page.ask("document.activeElement.querySelector('h4, h3, span').firstChild.textContent")
    return text


def test_page_loads_nothing_and_complains_of_nothing(page: Page) -> None:
    page.press("j", "o", "m", "/", "Escape", "?")
    for paper in (False, True):
        page.look(width=390, dark=True, paper=paper)
    assert len(page.requests) == 1
    assert page.requests[0].startswith("file://")
    assert page.complaints == []
    assert page.ask("document.title").startswith("pr-review, mods: 46 of 48 jobs done")


@pytest.mark.parametrize("width", [390, 1280])
def test_stale_reviews_and_charts_fit_the_window(browser: Browser, tmp_path: Path, width: int) -> None:
    night = a_night()
    night.moved.append(Moved("R1", "pr-review", "pr-7", "pr-7.md", "a" * 40, "b" * 40))
    night.past[:] = [a_run(f"R{n}", created_at=f"2026-11-{10 + n}T02:00:00Z") for n in range(12)]
    file = tmp_path / "second.html"
    file.write_text(html.render(night.digest(), link=link), encoding="utf-8")
    opened = open_page(browser, file.as_uri())
    opened.look(width=width)
    assert opened.complaints == []
    assert len(opened.requests) == 1
    assert opened.ask("document.documentElement.scrollWidth") <= width
    assert opened.ask("document.querySelectorAll('.past svg g').length") == 24
    texts = "[...document.querySelectorAll('.past svg text')].map((e) => e.getBoundingClientRect())"
    boxes = "[...document.querySelectorAll('.past figure')].map((e) => e.getBoundingClientRect())"
    inside = f"(() => {{ const b = {boxes}; return {texts}.every((t) => b.some((f) => t.left >= f.left"
    assert opened.ask(f"{inside} && t.right <= f.right && t.top >= f.top && t.bottom <= f.bottom)) }})()")
    opened.close()


def test_everything_that_is_said_lies_in_a_landmark(browser: Browser, tmp_path: Path) -> None:
    night = a_night().reported(*(line.finding for line in a_night().found["R1"]))
    night.runs = [replace(run, sandbox=True) for run in night.runs]
    night.moved.append(Moved("R1", "pr-review", "pr-7", "pr-7.md", "a" * 40, "b" * 40))
    night.past[:] = [a_run(f"R{n}") for n in range(12)]
    file = tmp_path / "told.html"
    file.write_text(html.render(night.digest(), link=link), encoding="utf-8")
    page = open_page(browser, file.as_uri())
    outside = page.ask(
        """[...document.querySelectorAll('body *')].filter((e) => !e.matches('script') && !e.closest(
          'header, main, footer, dialog, [role=status]') && [...e.childNodes].some(
            (node) => node.nodeType === Node.TEXT_NODE && node.data.trim())).map((e) => e.outerHTML)"""
    )
    assert outside == []
    for name in ("main", "header", "footer"):
        assert page.ask(f"document.querySelectorAll('{name}').length") == 1
        assert page.ask(f"document.querySelector('{name}').closest('article, section')") is None
    page.close()


def test_known_findings_are_folded_but_for_the_critical(browser: Browser, tmp_path: Path) -> None:
    night = a_night().reported(*(line.finding for line in a_night().found["R1"]))
    file = tmp_path / "known.html"
    file.write_text(html.render(night.digest(), link=link), encoding="utf-8")
    page = open_page(browser, file.as_uri())
    assert shown(page, ".finding") == 1
    page.press("j")
    assert current(page) == "The lock is held while it sleeps"
    assert page.ask("document.querySelector('.critical .fix').checkVisibility()") is False
    page.press("o")
    assert page.ask("document.querySelector('.critical .fix').checkVisibility()") is True
    page.choose("#q", "offset 4")
    assert shown(page, ".finding") == 1
    page.close()


def test_policy_of_the_page_stops_what_is_not_its_own(page: Page) -> None:
    page.ask(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))"
    )
    page.ask("document.body.append(Object.assign(new Image(), {src: 'https://evil.example/x.png'}))")
    assert page.ask("document.title").startswith("pr-review")
    assert page.requests[1:] == page.refused == ["https://evil.example/x.png"]
    assert all("Content Security Policy" in complaint for complaint in page.complaints)
    assert len(page.complaints) == 2


def test_more_than_five_of_a_kind_are_folded_until_they_are_asked_for(page: Page) -> None:
    assert shown(page, ".finding") == 7
    page.click("details.more summary")
    assert shown(page, ".finding") == 9


def test_severity_chips_filter_and_add_up(page: Page) -> None:
    page.click(".chip.critical")
    assert (shown(page, ".finding"), shown(page, ".row"), shown(page, "h2")) == (1, 0, 3)
    page.click(".chip.high")
    assert shown(page, ".finding") == 8
    assert page.ask("document.querySelector('#shown').value") == "8 of 56"
    page.click("#clear")
    assert (shown(page, ".finding"), page.ask("document.querySelector('#shown').value")) == (7, "56 in all")


@pytest.mark.parametrize(
    ("field", "value", "findings", "rows", "reasons"),
    [
        ("#recipe", "mods", 0, 1, 0),
        ("#recipe", "pr-review", 9, 45, 1),
        ("#outcome", "errored", 0, 0, 1),
        ("#path", "SRC/TIME", 7, 0, 0),
        ("#path", "src/", 9, 1, 0),
        ("#q", "offset 4", 1, 0, 0),
        ("#q", "renamed", 0, 1, 0),
        ("#q", "pr-45 errored", 0, 0, 1),
        ("#q", "no such words", 0, 0, 0),
    ],
)
def test_fields_filter(page: Page, field: str, value: str, findings: int, rows: int, reasons: int) -> None:
    page.choose(field, value)
    assert (shown(page, ".finding"), shown(page, ".row"), shown(page, ".why")) == (findings, rows, reasons)
    assert page.ask("document.querySelector('#none').checkVisibility()") is (findings + rows + reasons == 0)
    page.press("Escape")
    assert shown(page) == 7 + 46 + 1


def test_keys_walk_open_and_come_back(page: Page) -> None:
    page.press("j")
    assert current(page) == "The lock is held while it sleeps"
    page.press("j", "j")
    assert current(page) == "Offset 3 is dropped"
    page.press("k")
    assert current(page) == "Offset 2 is dropped"
    page.press("o")
    assert page.ask("document.activeElement.querySelector('details').open") is True
    page.press("o", "k", "k", "k")
    assert current(page) == "The lock is held while it sleeps"


def test_search_key_types_into_the_field_and_escape_leaves_it(page: Page) -> None:
    page.press("/", *"lock j")
    assert page.ask("document.activeElement.id") == "q"
    assert page.ask("document.querySelector('#q').value") == "lock j"
    page.press("Escape")
    assert (page.ask("document.querySelector('#q').value"), shown(page, ".finding")) == ("", 7)
    page.press("j")
    assert current(page) == "The lock is held while it sleeps"


def test_marks_last_and_can_be_hidden(page: Page) -> None:
    page.press("j", "m")
    assert page.ask("document.querySelectorAll('.marked').length") == 1
    page.reload()
    assert page.ask("document.querySelectorAll('.marked').length") == 1
    page.click("#hide-marked")
    assert shown(page, ".finding") == 6
    page.click("#hide-marked")
    page.click(".marked .mark")
    assert page.ask("document.querySelectorAll('.marked').length") == 0


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_page_fits_its_window(page: Page, width: int) -> None:
    page.look(width=width)
    assert page.ask("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_the_paper(page: Page, dark: bool) -> None:
    page.look(width=1280, dark=dark)
    ratio = page.ask(
        """(() => {
          const light = (colour) => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => v / 255)
              .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const paper = light(getComputedStyle(document.body).backgroundColor);
          const words = "p, h1, h2, h4, dd, dt, span, summary, a, b, small, button, output, footer, td, th";
          return Math.min(...[...document.querySelectorAll(words)]
            .filter((e) => e.checkVisibility()).map((e) => light(getComputedStyle(e).color))
            .map((ink) => (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)));
        })()"""
    )
    # WCAG 2.2, level AA, for text of common size.
    assert ratio >= 4.5


def test_paper_shows_what_is_folded_and_no_tools(page: Page) -> None:
    page.look(width=720, paper=True)
    page.ask("dispatchEvent(new Event('beforeprint'))")
    assert shown(page, ".finding") == 9
    assert shown(page, ".bar") == 0
    assert page.ask("document.querySelectorAll('details:not([open])').length") == 0
    page.ask("dispatchEvent(new Event('afterprint'))")
    assert shown(page, ".finding") == 7


def test_page_of_two_thousand_findings_answers_at_once(browser: Browser, tmp_path: Path) -> None:
    found = {
        f"pr-{n}": [a_finding(f"Thing {n * 5 + m}", severity=list(Severity)[m % 4], line=m) for m in range(5)]
        for n in range(400)
    }
    file = tmp_path / "digest.html"
    file.write_text(html.render(Night().add(a_run(), [], found).digest(), link=link), encoding="utf-8")
    page = open_page(browser, file.as_uri())
    took_ms = page.ask(
        """["", "thing 1", "", "thing 17", "", "thing 1777"].map((words) => {
          const start = performance.now(), field = document.querySelector("#q");
          field.value = words;
          field.dispatchEvent(new Event("input"));
          document.body.offsetHeight;
          return performance.now() - start;
        })"""
    )
    assert page.ask("document.querySelector('#shown').value") == "1 of 2,000"
    # 70 ms on two slow cores, and a person feels a tenth of a second. The quickest counts: not all six are
    # slowed down thirty times by what else the machine does.
    assert min(took_ms) < 2_000
