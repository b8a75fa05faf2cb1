"""The documentation site: every component has its page, and the built site works in a browser without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1300, "height": 900}


@pytest.fixture(scope="module")
def pages():
    from docs.generator.pages import pages

    return pages()


def test_every_component_has_a_page_with_its_equation_and_source(pages):
    from docs.generator.component_pages import KINDS
    from docs.generator.docstring_pages import parts_of

    for kind in KINDS.values():
        for name in kind.own():
            page, parts = pages[f"{kind.folder}/{name}.md"], parts_of(kind.registry.get(name))
            assert parts.summary in page
            assert parts.source
            assert parts.source in page
            assert page.count("$$") % 2 == 0
            assert f"]({name}.md)" in pages[f"{kind.folder}/index.md"]


def test_a_docstring_is_taken_apart():
    from docs.generator.docstring_pages import parts_of
    from spikelearn import DFA

    parts = parts_of(DFA)
    assert parts.summary.startswith("Direct feedback alignment:")
    assert "\n\n$$\n\\delta_l[t]" in f"\n\n{parts.body}"
    assert "- `scale`: k, factor on the feedback weights, dimensionless." in parts.args
    assert parts.source.startswith("Nokland")
    assert "deviation" not in parts.source
    assert parts.departures.startswith("e-prop broadcasts")


def test_the_table_of_rules_says_what_rules_declare(pages):
    from spikelearn import RULES
    from spikelearn.plasticity import BPTT

    (row,) = (line for line in pages["choose.md"].splitlines() if line.startswith("| [`bptt`]"))
    assert "| labels | error | weights |" in row
    assert all(str(need) in row for need in BPTT().requires)
    own = [name for name in RULES if RULES.get(name).__module__.startswith("spikelearn.")]
    assert sum(line.startswith("| [`") for line in pages["choose.md"].splitlines()) == len(own)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet)
    assert not done.returncode, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="no Chromium: playwright is not installed")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as running:
        try:
            started = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture
def opened(browser, site):
    """Open a page as a file; what it complains of, and what it asks the network for, are errors at the end."""
    heard, contexts = [], []

    def open_page(path, size=DESK, scheme="light"):
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: heard.append(request.url) if request.url.startswith("http") else None)
        page.goto((site / path).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not heard


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light")])
def test_mathematics_is_drawn(opened, size, scheme):
    page = opened("rules/dfa.html", size, scheme)
    page.wait_for_selector(".arithmatex mjx-container svg")
    formulas = page.locator(".arithmatex")
    assert formulas.count() >= 4
    assert page.locator(".arithmatex mjx-container").count() == formulas.count()
    assert page.locator("[data-mjx-error]").count() == 0
    assert (
        page.evaluate("document.querySelector('mjx-container[display=true] svg').getBoundingClientRect().width") > 200
    )
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


@pytest.mark.slow
def test_search_finds_a_rule_by_the_keyboard_alone(opened):
    page = opened("index.html")
    page.wait_for_timeout(1000)
    page.keyboard.press("/")
    page.keyboard.type("eligibility propagation", delay=20)
    page.wait_for_selector(".md-search-result__item")
    assert "e-prop" in page.locator(".md-search-result").inner_text()


@pytest.mark.slow
def test_the_table_of_rules_is_filtered(opened):
    page = opened("choose.html")
    rows = page.locator("article tbody tr:visible")
    whole = rows.count()
    page.fill("#filter", "no labels")
    assert 0 < rows.count() < whole
    assert all("no labels" in row.inner_text() for row in rows.all())
