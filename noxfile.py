"""The project's checks, each in a separate environment; ``nox`` runs tests, lint and docs."""

import os
from pathlib import Path

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
def build(session: nox.Session) -> None:
    """Build wheel and sdist, check them, and try each in a fresh environment."""
    session.install("-c", "constraints.txt", "build", "cffconvert", "twine")
    session.run("cffconvert", "--validate")
    folder = Path(session.create_tmp())
    for old in folder.glob("sk_mmoe-*"):
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(folder))
    built = [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]
    session.run("twine", "check", "--strict", *map(str, built))
    smoke, constraints = Path("tests/release/smoke.py").resolve(), Path("constraints.txt").resolve()
    for number, path in enumerate(built):
        fresh = folder / f"fresh_{number}"
        session.run("python", "-m", "venv", "--clear", str(fresh))
        python = str(fresh / ("Scripts" if os.name == "nt" else "bin") / "python")
        package = f"{path.resolve()}[persist]"
        session.run(python, "-m", "pip", "install", "-c", str(constraints), package, external=True)
        # Isolated: the checkout must not stand in for what was installed.
        session.run(python, "-I", str(smoke), external=True)


@nox.session
def integrations(session: nox.Session) -> None:
    """Test the work with Dask, Ray, Spark, DuckDB, MLflow, TensorBoard, FastAPI and torchrun."""
    install(session, "test,integrations")
    session.run(
        "python", "-m", "pytest", "-m", "integration", "tests/integrations", *session.posargs
    )


@nox.session
def site(session: nox.Session) -> None:
    """Check the pages that ``docs`` built: links, texts of pictures, search; in a browser too."""
    install(session, "site")
    session.run("python", "-m", "pytest", "tests/site", *session.posargs)
