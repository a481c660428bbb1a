"""The documents lead where they say, and their first examples print what they say."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("docs/guides/*.md")),
    *sorted(ROOT.glob("docs/tutorials/*.md")),
    *sorted(ROOT.glob("benchmarks/*.md")),
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _prose(text):
    """A page without its code, where brackets are no links and # no heading."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def _anchors(text):
    """Names of a page's headings as GitHub makes them; a repeated one gets a number."""
    found = []
    blocks = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", blocks, flags=re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        earlier = sum(
            re.fullmatch(re.escape(name) + r"(-\d+)?", other) is not None for other in found
        )
        found.append(f"{name}-{earlier}" if earlier else name)
    return found


def broken(page):
    """Targets of a page's links that are not there."""
    found = []
    for target in LINK.findall(_prose(page.read_text())):
        if re.match(r"[a-z]+:", target):  # another site: not looked up
            continue
        if "generated/" in target:  # written by `make docs`, which refuses links that lead nowhere
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path) if path else page
        if not place.exists() or not place.resolve().is_relative_to(ROOT):
            found.append(target)
        elif anchor and (place.suffix != ".md" or anchor not in _anchors(place.read_text())):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    assert broken(page) == []


def test_the_pages_have_links_and_a_broken_one_is_noticed(tmp_path, monkeypatch):
    targets = [target for page in PAGES for target in LINK.findall(_prose(page.read_text()))]
    assert {"docs/practice.md", "docs/hero.png", "plan.png"} <= set(targets)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "b.md").write_text(
        "# One: two, `x_y` three\n## Same\n## Same\n```\n# no heading\n```\n"
    )
    good = "[a](b.md) [b](b.md#one-two-x_y-three) [c](#here) [d](b.md#same-1) [e](https://x.y/z)"
    bad = ["c.md", "b.md#two", "b.md#same-2", "b.md#no-heading", "#there", "../b.md", "/etc/hosts"]
    page = tmp_path / "a.md"
    page.write_text(f"# Here\n{good}\n" + " ".join(f"![x]({target})" for target in bad))
    assert broken(page) == bad


def test_every_picture_of_the_documents_is_shown():
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in LINK.findall(_prose(page.read_text()))
        if not re.match(r"[a-z]+:", target)
    }
    assert {path for path in ROOT.glob("docs/*.png")} <= shown


def _number(text: str) -> bool:
    return re.fullmatch(r"[\d.]+(e-\d+)?", text) is not None


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("README.md", 4),
        ("docs/using-theory.md", 8),
        ("docs/high-dimension.md", 9),
        ("docs/more-than-two-classes.md", 7),
        ("docs/guides/how-many-rows.md", 4),
        ("docs/guides/which-generator.md", 3),
    ],
)
def test_the_first_example_of_a_page_prints_what_it_shows(name, count, capsys):
    code = re.search(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.M | re.S).group(1)
    exec(compile(code, name, "exec"), {})
    printed = iter(re.findall(r"\d\S*\d", capsys.readouterr().out))  # in the order of the comments
    comments = re.findall(r"^print\(.*# ([0-9., ]+):", code, flags=re.M)
    shown = [text for comment in comments for text in comment.split(", ")]
    assert len(shown) == count
    for text in shown:
        digits = len(text.partition(".")[2])
        assert any(text == f"{float(value):.{digits}f}" for value in printed if _number(value)), (
            text
        )
