"""Docstrings of everything public: complete, in numpydoc's form, and true to the signatures."""

import ast
import importlib
import inspect

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

PUBLIC_MODULES = (
    "sk_mmoe",
    "sk_mmoe.callbacks",
    "sk_mmoe.datasets",
    "sk_mmoe.metrics",
    "sk_mmoe.model_selection",
    "sk_mmoe.nn",
)
IGNORED = {
    "ES01",  # a summary often says all
    "GL01",  # summaries start on the line of the quotes
    "SA01",  # see also: where there is something to see
    "EX01",  # examples: required of classes and functions below, not of methods
}


def public_objects():
    """Return the full names of all public classes and functions."""
    return [
        f"{module}.{name}"
        for module in PUBLIC_MODULES
        for name in importlib.import_module(module).__all__
    ]


def resolve(name):
    """Return the object with a full name."""
    for module in sorted(PUBLIC_MODULES, key=len, reverse=True):
        if name.startswith(f"{module}."):
            found = importlib.import_module(module)
            for part in name.removeprefix(f"{module}.").split("."):
                found = getattr(found, part)
            return found
    raise AssertionError(name)


def public_methods():
    """Return the full names of the methods that the package itself gives its classes."""
    return [
        f"{name}.{method}"
        for name in public_objects()
        if inspect.isclass(resolve(name))
        for method, function in inspect.getmembers(resolve(name), inspect.isfunction)
        if not method.startswith("_") and function.__module__.startswith("sk_mmoe.")
    ]


@pytest.mark.parametrize("name", [*PUBLIC_MODULES, *public_objects(), *public_methods()])
def test_docstring_is_valid_numpydoc(name):
    errors = [error for error in validate(name)["errors"] if error[0] not in IGNORED]
    assert errors == []


@pytest.mark.parametrize("name", public_objects())
def test_docstring_has_an_example(name):
    assert get_doc_object(resolve(name))["Examples"]


@pytest.mark.parametrize("name", [*public_objects(), *public_methods()])
def test_documented_defaults_are_the_signatures(name):
    documented = {parameter.name: parameter.type for parameter in parameters(name)}
    for parameter in inspect.signature(resolve(name)).parameters.values():
        if parameter.name == "self" or parameter.kind in {
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        }:
            continue
        description, _, default = documented[parameter.name].partition(", default=")
        assert description
        if parameter.default is parameter.empty:
            assert default == ""
        else:
            assert ast.literal_eval(default) == parameter.default


def parameters(name):
    """Return the documented parameters of an object, one entry for each name."""
    return [
        parameter._replace(name=single)
        for parameter in get_doc_object(resolve(name))["Parameters"]
        for single in parameter.name.split(", ")
    ]
