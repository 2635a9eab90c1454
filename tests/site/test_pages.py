"""What the built pages promise, without a browser."""

import json
from functools import cache
from urllib.parse import unquote, urlsplit

import pytest

ATTRIBUTES = {"a": "href", "link": "href", "img": "src", "script": "src"}


def targets(page):
    """Return what a page points to inside the site."""
    for tag, attribute in ATTRIBUTES.items():
        for element in page.find_all(tag, attrs={attribute: True}):
            parts = urlsplit(element[attribute])
            if not parts.scheme and not parts.netloc:
                yield element[attribute], unquote(parts.path), unquote(parts.fragment)


def test_no_link_is_dead(html, pages):
    @cache
    def anchors(path):
        page = pages.get(path)
        return {element["id"] for element in page.find_all(id=True)} if page else set()

    dead = []
    n_links = 0
    for path, page in pages.items():
        for link, file, anchor in targets(page):
            n_links += 1
            target = (path.parent / file).resolve() if file else path
            if target.is_dir():
                target /= "index.html"
            found = target.exists() and (
                not anchor or target.suffix != ".html" or anchor in anchors(target)
            )
            if not found:
                dead.append(f"{path.relative_to(html)}: {link}")
    assert n_links > 1000
    assert dead == []


def test_every_picture_has_a_text(html, pages):
    silent = []
    n_pictures = 0
    for path, page in pages.items():
        for image in page.find_all("img"):
            n_pictures += 1
            # A thumbnail stands beside its title, and says nothing that the title does not say.
            is_decoration = image.find_parent(class_="sphx-glr-thumbcontainer") is not None
            if not image.has_attr("alt") or not (image["alt"].strip() or is_decoration):
                silent.append(f"{path.relative_to(html)}: {image.get('src')}")
        for svg in page.select("svg.picture"):
            n_pictures += 1
            if svg.get("role") != "img" or not svg.title.get_text(strip=True):
                silent.append(f"{path.relative_to(html)}: an SVG")
    assert n_pictures > 30
    assert silent == []


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("threshold", "user_guide/probabilities"),
        ("deepctr", "user_guide/coming_from"),
        ("poisson", "user_guide/kinds"),
    ],
)
def test_the_search_index_has_a_word_with_its_page(html, word, page):
    text = (html / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    numbers = []
    for terms in (index["terms"], index["titleterms"]):
        found = terms.get(word, [])
        numbers += found if isinstance(found, list) else [found]
    assert page in [index["docnames"][number] for number in numbers]


def test_every_example_can_be_downloaded_as_a_notebook(html, pages):
    examples = [path for path in pages if path.name.startswith("plot_")]
    assert len(examples) >= 14
    for path in examples:
        links = [link for link, *_ in targets(pages[path])]
        assert any(link.endswith(".ipynb") for link in links), path.name
