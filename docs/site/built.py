"""What was built is whole: links lead somewhere, pictures have words, nothing is loaded."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}


class _Page(HTMLParser):
    """The anchors of a page, where it leads, what it loads, and pictures without words."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.unsaid: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = dict(attrs)
        self.anchors |= {own for own in (given.get("id"), given.get("name")) if own}
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])
        if tag == "link" and given.get("href"):
            self.loads.add(given["href"])
        if tag == "img" and (not given.get("alt") or given["alt"].endswith(".png")):
            self.unsaid.add(given.get("src", ""))
        if given.get(_LOADED.get(tag, "")):
            self.loads.add(given[_LOADED[tag]])


def faults(folder: Path) -> list[str]:
    """Broken links, addresses that a page would load, pictures without words, one line each."""
    pages = {path: _Page(path.read_text()) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        where = path.relative_to(folder).as_posix()
        found += [f"{where} shows {name} without saying what it is" for name in page.unsaid]
        for target in sorted(page.links | page.loads):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if target in page.loads and parts.scheme != "data":
                    found.append(f"{where} loads {target}")
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.is_file():
                found.append(f"{where} leads to {target}, which is not there")
            elif parts.fragment and file in pages:
                if unquote(parts.fragment) not in pages[file].anchors:
                    found.append(f"{where} leads to {target}, whose page has no such place")
    for path in sorted(folder.rglob("*.css")):
        text = path.read_text()
        if "url(http" in text.replace('"', "").replace("'", "") or "@import" in text:
            found.append(f"{path.relative_to(folder).as_posix()} loads from elsewhere")
    return found


def _check(app, error) -> None:
    if error is None and app.builder.name == "html":
        found = faults(Path(app.outdir).resolve())
        if found:
            raise RuntimeError("the site is not whole:\n" + "\n".join(found))


def setup(app) -> dict:
    """Look at the site when all of it is written, static files included."""
    app.connect("build-finished", _check, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
