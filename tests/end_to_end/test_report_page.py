"""The page of a comparison in a real browser."""

import re
import shutil

import pytest

from spikelearn.report import write_report
from tests.unit.bench.made import write_comparison

QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 800}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    write_comparison(
        folder, ("bptt", "dfa", "readout-only"), ("digits", "mnist"), range(2), axes={"steps": [5, 10]},
        after={"noise": ["gaussian:sd=0.1", "gaussian:sd=0.3"]}, epochs=4, failed={("dfa", 1): "it is made up"},
    )  # fmt: skip
    return write_report(folder)["html"].as_uri()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="no Chromium: playwright is not installed")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as running:
        try:
            started = running.chromium.launch(executable_path=found, args=QUIET.split())
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield started
        started.close()


def drawn(page):
    page.wait_for_selector("html[data-drawn=true]", state="attached", timeout=60_000)


@pytest.fixture(scope="module")
def page(browser, address):
    """The page with its charts drawn; what it complains of and what it asks for are kept in ``page.heard``."""
    page = browser.new_page(viewport=DESK, color_scheme="light")
    page.heard = []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    page.on("request", lambda request: page.heard.append(request.url) if request.url.startswith("http") else None)
    page.goto(address)
    drawn(page)
    return page


# Charts follow the window and its colours a moment later; the page forbids the eval of Playwright's own way to wait.
FOLLOWED = """width => new Promise((done) => {
  const all = (what) => [...document.querySelectorAll(what)];
  const coloured = () => all('.plot .xtitle').every((e) => e.style.fill === getComputedStyle(document.body).color);
  const look = () => all('.plot .main-svg').every((e) => e.clientWidth < width) && coloured() ? done() : setTimeout(look, 50);
  look();
})"""


def show(page, size, scheme):
    """Give the page a size and a colour scheme, and wait until its charts have followed."""
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    page.evaluate(FOLLOWED, size["width"])
    drawn(page)


@pytest.fixture
def phone(fresh):
    """The same page as narrow as a phone, and dark."""
    show(fresh, PHONE, "dark")
    yield fresh
    show(fresh, DESK, "light")


FORGET = """() => {
  if (!location.hash) return;
  history.replaceState(null, '', location.pathname);
  dispatchEvent(new HashChangeEvent('hashchange'));
}"""


@pytest.fixture
def fresh(page):
    """The page with nothing chosen."""
    page.evaluate(FORGET)
    drawn(page)
    return page


TRACES = "chart => document.getElementById(chart).querySelectorAll('.scatterlayer .trace').length"


def chart_of(page, section, data=0):
    return page.locator(f".plot[id^=plot-{section}-]").nth(data).get_attribute("id")


def test_every_chart_is_drawn_without_errors_and_without_a_network(page):
    names = [plot.get_attribute("id") for plot in page.locator(".plot").all()]
    assert len(names) == 2 * 7, names
    for name in names:
        assert page.evaluate(TRACES, name) > 0, name
    assert page.heard == []


def test_filters_hide_rows_traces_figures_and_findings_and_stay_in_the_address(fresh):
    chart = chart_of(fresh, "curves")
    before = fresh.evaluate(TRACES, chart)
    fresh.locator("input[name=arm][value='1']").uncheck()
    fresh.locator("input[name=data]").nth(1).uncheck()
    drawn(fresh)
    assert fresh.evaluate(TRACES, chart) == before - 1, "dfa has one seed: a line without a band"
    assert not fresh.locator(".plot[id^=plot-curves-]").nth(1).is_visible()
    arms = fresh.locator("table[data-sortable=ranking] tbody tr:visible th").all_inner_texts()
    assert sorted(arms) == ["bptt", "readout-only"]
    assert fresh.locator("#verdict .said[data-data]:visible").count() == 1
    fresh.reload()
    drawn(fresh)
    assert fresh.locator("table[data-sortable=ranking] tbody tr:visible").count() == 2
    assert not fresh.locator("input[name=arm][value='1']").is_checked()
    fresh.click("#show-all")
    assert fresh.locator("table[data-sortable=ranking] tbody tr:visible").count() == 6


def test_a_family_hides_and_shows_its_arms_together(fresh):
    three_factor = fresh.get_by_label("Signals times traces")
    three_factor.uncheck()
    arms = fresh.locator("table[data-sortable=ranking] tbody tr:visible th")
    assert set(arms.all_inner_texts()) == {"bptt", "readout-only"}
    assert not fresh.locator("input[name=arm][value='1']").is_checked()
    gradients = fresh.get_by_label("Gradients")
    fresh.locator("input[name=arm][value='2']").uncheck()
    assert gradients.evaluate("box => box.indeterminate")
    gradients.click()
    assert set(arms.all_inner_texts()) == set()
    gradients.check()
    three_factor.check()
    assert set(arms.all_inner_texts()) == {"bptt", "dfa", "readout-only"}
    assert "without" not in fresh.url


def test_an_arm_is_found_among_many_and_shown_alone(browser, tmp_path):
    arms = ("bptt", "readout-only", "dfa", "sdfa", "fa", "pc", "pc-kl", "ottt", "sltt", "stdp")
    write_comparison(tmp_path, arms, seeds=range(1), epochs=2)
    with browser.new_context(viewport=DESK) as context:
        page = context.new_page()
        page.goto(write_report(tmp_path)["html"].as_uri())
        page.get_by_label("Find an arm").fill("DFA")
        assert page.locator(".filters label.arm:visible").all_inner_texts() == ["dfa", "sdfa"]
        assert page.locator(".family:visible").count() == 1
        page.keyboard.press("Enter")
        assert sorted(page.locator("table[data-sortable=ranking] tbody tr:visible th").all_inner_texts()) == [
            "dfa",
            "sdfa",
        ]
        page.get_by_label("Find an arm").fill("no such arm")
        page.click("#only")
        assert page.locator("#ranking .nothing-left").is_visible()
        page.click("#show-all")
        assert page.locator("table[data-sortable=ranking] tbody tr:visible").count() == len(arms)


def test_a_table_without_rows_left_says_so(fresh):
    for box in fresh.locator("input[name=arm]").all():
        box.uncheck()
    assert fresh.locator("#ranking .nothing-left").is_visible()
    fresh.click("#show-all")
    assert not fresh.locator("#ranking .nothing-left").is_visible()


def test_the_horizontal_axis_can_be_chosen(fresh):
    fresh.select_option("select[data-view=curves]", "seconds")
    drawn(fresh)
    title = "chart => document.getElementById(chart).querySelector('.xtitle').textContent"
    assert fresh.evaluate(title, chart_of(fresh, "curves")) == "training time (s)"
    assert "view-curves=seconds" in fresh.url


def test_the_numbers_of_a_chart_can_be_read(fresh):
    figure = fresh.locator("#curves figure").first
    figure.locator("summary").click()
    rows = figure.locator("tbody tr")
    rows.first.wait_for()
    assert rows.count() == 3 * 4
    assert "NaN" not in figure.inner_text()


def test_tables_sort_by_the_keyboard(fresh):
    head = fresh.locator("table[data-sortable=ranking] th[data-column=accuracy]")
    values = "() => [...document.querySelectorAll('table[data-sortable=ranking] tbody tr')].map(r => Number(r.cells[3].dataset.value))"
    head.locator("button").focus()
    fresh.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert fresh.evaluate(values) == sorted(fresh.evaluate(values))
    fresh.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    assert fresh.evaluate(values) == sorted(fresh.evaluate(values), reverse=True)
    assert fresh.locator("table[data-sortable=ranking] th[aria-sort=descending]").count() == 1


def test_the_skip_link_comes_first_and_leads_to_the_verdict(fresh):
    fresh.evaluate("document.body.focus(); scrollTo(0, 0)")
    fresh.locator(".skip").focus()
    assert fresh.locator(".skip").bounding_box()["x"] >= 0
    fresh.keyboard.press("Enter")
    assert fresh.evaluate("document.activeElement.id") == "verdict"


def test_warnings_are_folded_on_screen_and_unfolded_on_paper(fresh):
    first = fresh.locator("#verdict .folded .findings").first
    assert not first.is_visible()
    fresh.locator("#verdict .folded summary").click()
    assert first.is_visible()
    fresh.locator("#verdict .folded summary").click()
    fresh.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert first.is_visible()
    fresh.evaluate("dispatchEvent(new Event('afterprint'))")
    drawn(fresh)
    assert not first.is_visible()


def test_dark_mode_changes_page_and_charts(fresh):
    look = "chart => [getComputedStyle(document.body).backgroundColor, document.querySelector(`#${chart} .xtitle`).style.fill]"
    chart = chart_of(fresh, "curves")
    before = fresh.evaluate(look, chart)
    fresh.click("#theme")
    drawn(fresh)
    after = fresh.evaluate(look, chart)
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert fresh.get_attribute("#theme", "aria-pressed") == "true"


NARROW = """() => [...document.querySelectorAll('body *')].filter(e => {
  if (e.closest('.scroll, .skip, svg') || !e.getClientRects().length) return false;
  return e.getBoundingClientRect().right > innerWidth + 1;
}).map(e => e.outerHTML.slice(0, 80))"""


def test_nothing_overflows_a_phone(phone):
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    assert phone.evaluate(NARROW) == []
    assert phone.heard == []


# Text against the first opaque background behind it, as WCAG 2 computes it; large text may have 3:1, and none needs it.
CONTRAST = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => {
    const [r, g, b] = parts(text).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const found = getComputedStyle(e).backgroundColor;
      if ((parts(found)[3] ?? 1) === 1) return found;
    }
    return 'rgb(255, 255, 255)';
  };
  const seen = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.getClientRects().length || e.closest('script, style, .skip')) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(e.namespaceURI.endsWith('svg') ? style.fill : style.color), light(behind(e))];
    seen.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName + ' ' + e.className + ': ' + e.textContent.slice(0, 40)]);
  }
  return seen;
}"""


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_stands_out(request, mode):
    found = (request.getfixturevalue("fresh") if mode == "light" else request.getfixturevalue("phone")).evaluate(
        CONTRAST
    )
    assert len(found) > 300
    assert [text for ratio, text in found if ratio < 4.5] == []


def test_everything_has_a_name_and_headings_are_in_order(fresh):
    levels = [
        int(level) for level in fresh.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => h.tagName[1])")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    nameless = """() => [...document.querySelectorAll('[role=img], [role=region], nav, aside, section, figure, select, input, button')]
      .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.labels?.length || e.innerText?.trim()
        || e.querySelector('figcaption'))).map(e => e.outerHTML.slice(0, 120))"""
    assert fresh.evaluate(nameless) == []
    assert fresh.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')].every(e => document.getElementById(e.getAttribute('aria-labelledby')))"
    )
    ids = fresh.evaluate(
        "[...document.querySelectorAll('main [id]')].filter(e => !e.closest('.plot svg')).map(e => e.id)"
    )
    assert len(set(ids)) == len(ids)
    assert fresh.evaluate(
        "[...document.querySelectorAll('main table')].every(t => t.caption && [...t.tHead.rows[0].cells].every(c => c.scope === 'col'))"
    )
    for mark in ("header", "main", "nav", "aside", "footer"):
        assert fresh.locator(f"body {mark}").count() >= 1, mark


def test_no_value_is_shown_as_nan(fresh):
    text = fresh.inner_text("body")
    assert not re.search(r"\b(nan|undefined|Infinity|null)\b", text, re.IGNORECASE)


RANGES = """() => [...document.querySelectorAll('.plot')].map(plot => ({
  id: plot.id, y: plot._fullLayout.yaxis.range, x: plot._fullLayout.xaxis.range, log: plot._fullLayout.xaxis.type }))"""


def test_no_axis_goes_beyond_what_can_be(fresh):
    ends = {"cost": (0, 100), "curves": (0, 100), "axis": (0, 100), "after": (0, 100), "silent": (0, 100)}
    ends |= {"rates": (0, 1), "alignment": (-1, 1)}
    seen = set()
    for chart in fresh.evaluate(RANGES):
        section = chart["id"].split("-")[1]
        low, high = ends[section]
        assert low <= chart["y"][0] < chart["y"][1] <= high, chart
        seen.add(section)
        if section == "cost" and chart["log"] == "linear":
            assert chart["x"][0] >= 0
    assert seen == set(ends)


CUT = """() => [...document.querySelectorAll('main .scroll')].filter(e => e.getClientRects().length && e.scrollWidth > e.clientWidth + 1)
  .map(e => e.getAttribute('aria-label'))"""


def test_no_table_of_costs_is_cut_on_a_desk(fresh):
    for details in fresh.locator("#cost details").all():
        details.evaluate("e => { e.open = true; }")
    fresh.set_viewport_size({"width": 1300, "height": 900})
    cut = fresh.evaluate(CUT)
    fresh.set_viewport_size(DESK)
    assert not [label for label in cut if "Costs" in label or "Operations" in label or "Way to" in label], cut


def test_seeds_and_matrices_unfold_and_follow_the_filters(fresh):
    table = fresh.locator("table[data-sortable=seeds]")
    assert not table.is_visible()
    fresh.locator("#seeds details.more summary").click()
    assert table.locator("tbody tr:visible").count() == 3 * 2 * 2 - 2, "two of dfa's trials failed"
    link = table.locator("tbody a").first.get_attribute("href")
    assert link.startswith("trials/digits-bptt-0-")
    fresh.locator("#classes details.more summary").click()
    assert fresh.locator(".matrix:visible").count() == 6
    fresh.locator("input[name=arm][value='1']").uncheck()
    assert table.locator("tbody tr:visible").count() == 8
    assert fresh.locator(".matrix:visible").count() == 4
    assert not [ratio for ratio, _ in fresh.evaluate(CONTRAST) if ratio < 4.5]
    fresh.click("#show-all")
    fresh.evaluate("for (const one of document.querySelectorAll('details.more')) one.open = false")


def test_without_scripts_the_charts_are_tables_of_numbers(browser, address):
    with browser.new_context(java_script_enabled=False, viewport=DESK) as context:
        still = context.new_page()
        still.goto(address)
        text = still.locator("body").inner_text()
        assert still.locator(".plot:visible").count() == 0
        assert still.locator("#curves table.still:visible").count() == 2
        assert "test accuracy (%) by epoch" in text
        assert "drawn by a script" not in text
        assert not re.search(r"\b(nan|undefined|None)\b", text)


def test_nothing_stands_in_for_a_chart_before_it_is_drawn(browser, address):
    """Scripts run, but plotly is not unpacked yet."""
    with browser.new_context(viewport=DESK) as context:
        begun = context.new_page()
        begun.add_init_script("Response.prototype.text = () => new Promise(() => {});")
        begun.goto(address)
        assert begun.locator(".plot.waiting").count() == 14
        assert "script" not in begun.locator("#curves").inner_text()
