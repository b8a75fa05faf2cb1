"""The page of claims, and the box on the report of one."""

import json
import re

import pytest

from spikelearn.catalogue import CLAIMS
from spikelearn.report import write_claims_page, write_report, write_verdicts
from tests.unit.bench.made import write_comparison


def verdict(name, number, found, holds):
    return {
        "name": name,
        "number": number,
        "statement": f"{name} <is> better",
        "source": "Somebody, 2022",
        "expected": "98.41 %",
        "limits": "fewer & smaller",
        "verdict": found,
        "checks": [{"holds": holds, "words": "a less b: −1.00 points, p < 0.001"}],
    }


MADE = [verdict("desire-mnist", 7, "reproduced", True), verdict("low-data", 1, "not reproduced", False)]


def test_claims_in_the_order_of_their_numbers_with_verdicts_in_words(tmp_path):
    (tmp_path / "low-data").mkdir()
    (tmp_path / "low-data" / "report.html").write_text("made up")
    write_verdicts(tmp_path, MADE)
    page = write_claims_page(tmp_path).read_text()
    rows = re.findall(r'<tr role="row">\n(.*?)</tr>', page, re.DOTALL)
    assert [re.findall(r'class="badge \w+">(.*?)<', row) for row in rows] == [["not reproduced"], ["reproduced"]]
    assert "low-data &lt;is&gt; better" in rows[0]
    assert 'href="low-data/report.html"' in rows[0]
    assert "<b>does not hold</b>: a less b: −1.00 points" in rows[0]
    assert "fewer &amp; smaller" in rows[0]
    assert "href" not in rows[1]
    assert "1 reproduced; 1 not reproduced." in page
    assert "<script" not in page
    assert not list(tmp_path.glob(".part-*"))


def test_claims_that_were_not_asked_are_named_with_their_command(tmp_path):
    write_verdicts(tmp_path, MADE)
    page = write_claims_page(tmp_path).read_text().partition("Not asked here")[2]
    asked = re.findall(r"--suite claims/(\S+) --out", page)
    assert sorted([*asked, "desire-mnist", "low-data"]) == CLAIMS.names()


def test_verdicts_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "claims.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no list of verdicts"):
        write_claims_page(tmp_path)


def test_the_report_of_a_claim_shows_it_on_top(tmp_path):
    write_comparison(tmp_path, ("bptt", "dfa"), seeds=range(2), epochs=2)
    assert 'id="claim"' not in write_report(tmp_path)["html"].read_text()
    (tmp_path / "claim.json").write_text(json.dumps(MADE[1]))
    written = write_report(tmp_path)
    page = written["html"].read_text()
    assert page.index('id="claim"') < page.index('id="verdict"')
    assert '<strong class="badge no">not reproduced</strong>' in page
    text = written["md"].read_text()
    assert "- Verdict: **not reproduced**" in text
    assert text.index("## Claim") < text.index("## Verdict")
