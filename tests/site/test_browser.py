"""The built pages as a browser shows them: on a desk and on a phone, by day and by night."""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra `site`")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MAIN = [
    "index.html",
    "getting_started.html",
    "user_guide/index.html",
    "user_guide/models.html",
    "user_guide/probabilities.html",
    "user_guide/errors.html",
    "auto_examples/index.html",
    "auto_examples/plot_calibration.html",
    "measurements/index.html",
    "measurements/accuracy.html",
    "measurements/speed.html",
    "paper.html",
    "api.html",
    "generated/sk_mmoe.MMoEClassifier.html",
]


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that does not print its requests."""

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    """A server that does not mind if the browser leaves a page before it has all of it."""

    def handle_error(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site(html):
    """Serve the built pages on this machine and return their address."""
    server = Server(("127.0.0.1", 0), partial(Quiet, directory=str(html)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    """Start a browser of the system, or the one that playwright has installed."""
    paths = [path for name in BROWSERS if (path := shutil.which(name))]
    with sync_api.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(
                executable_path=paths[0] if paths else None, args=["--no-sandbox"]
            )
        except sync_api.Error as error:
            pytest.skip(f"no browser: {str(error).splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture
def new_page(browser, site):
    """Return a function that opens a blank page; other sites, such as MathJax's, are left out."""
    contexts = []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        contexts[-1].route(
            lambda url: not url.startswith(site), lambda route: route.fulfill(status=200, body="")
        )
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


def test_pages_load_without_errors(new_page, site, html, pages):
    page = new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda message: message.type == "error" and errors.append(f"{page.url}: {message.text}"),
    )
    for path in pages:
        response = page.goto(f"{site}/{path.relative_to(html).as_posix()}")
        assert response.ok
    assert errors == []


def test_no_page_scrolls_sideways_on_a_phone(new_page, site):
    page = new_page(viewport={"width": 360, "height": 740})
    wide = {}
    for path in MAIN:
        page.goto(f"{site}/{path}")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 360:
            wide[path] = width
    assert wide == {}


def test_the_search_finds_a_page(new_page, site):
    page = new_page()
    page.goto(f"{site}/search.html?q=threshold")
    link = page.locator("#search-results a[href*='user_guide/probabilities']").first
    link.wait_for(timeout=10_000)
    assert "thresholds" in link.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_and_pictures_have_texts(new_page, site, theme):
    page = new_page(color_scheme=theme)
    rules = {"runOnly": ["color-contrast", "image-alt", "svg-img-alt", "link-name"]}
    found = {}
    for path in MAIN:
        page.goto(f"{site}/{path}")
        violations = Axe().run(page, options=rules).response["violations"]
        places = [node["target"] for rule in violations for node in rule["nodes"]]
        if places:
            found[path] = places[:5]
    assert found == {}


def test_an_example_is_copied_without_prompts_and_output(new_page, site):
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/getting_started.html")
    example = page.locator("div.highlight", has_text="X.shape, list(y)").first
    example.hover()
    example.locator("button.copybtn").click()
    page.locator("button.copybtn.success").wait_for(timeout=10_000)
    copied = page.evaluate("navigator.clipboard.readText()").strip().splitlines()
    assert copied[0].startswith("from sk_mmoe.datasets import")
    assert copied[-1] == "X.shape, list(y)"
