"""The project's checks, each in a separate environment; ``nox`` runs all but ``oldest``."""

import nox

nox.options.sessions = ["tests", "lint", "docs", "site"]


def install(session: nox.Session, extra: str, constraints: str = "constraints.txt") -> None:
    session.install("-c", constraints, "-e", f".[{extra}]")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests and the examples of all docstrings; arguments go to pytest."""
    install(session, "test")
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs)


@nox.session
def oldest(session: nox.Session) -> None:
    """Run the tests with the oldest dependencies; arguments go to pytest."""
    install(session, "test", "constraints-oldest.txt")
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling, types and the direction of imports."""
    install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, with the gallery of examples; any warning is an error."""
    install(session, "docs")
    session.run(
        *("python", "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")
    )


@nox.session
def site(session: nox.Session) -> None:
    """Check the pages that ``docs`` built: links, texts of pictures, search; in a browser too."""
    install(session, "site")
    session.run("python", "-m", "pytest", "tests/site", *session.posargs)
