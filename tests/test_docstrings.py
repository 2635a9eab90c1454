"""Docstrings of everything public: complete, in numpydoc's form, and true to the signatures."""

import ast
import inspect
from importlib import import_module

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

IGNORED = {
    "ES01",  # a summary often says all
    "EX01",  # examples: required of classes and functions below, not of methods
    "GL01",  # summaries start on the line of the quotes
    "RT02",  # "self : object", as scikit-learn has it
    "SA01",  # see also: where there is something to see
}


def public_objects():
    """Return all public classes and functions by their full names."""
    modules = "callbacks", "datasets", "export", "inspection", "metrics", "model_selection", "nn"
    return {
        f"{module}.{name}": getattr(import_module(module), name)
        for module in ("sk_mmoe", *(f"sk_mmoe.{module}" for module in modules))
        for name in import_module(module).__all__
    }


def public_methods():
    """Return the methods that the package gives its classes, but not skorch's and torch's hooks."""
    return {
        f"{name}.{method}": function
        for name, cls in OBJECTS.items()
        for method, function in inspect.getmembers(cls, inspect.isfunction)
        if inspect.isclass(cls)
        and not method.startswith(("_", "on_", "extra_repr"))
        and function.__module__.startswith("sk_mmoe.")
    }


OBJECTS = public_objects()
METHODS = public_methods()


@pytest.mark.parametrize("name", [*OBJECTS, *METHODS])
def test_docstring_is_valid_numpydoc(name):
    assert [error for error in validate(name)["errors"] if error[0] not in IGNORED] == []


@pytest.mark.parametrize("name", sorted(set(OBJECTS) - {"sk_mmoe.load_model"}))
def test_docstring_has_an_example(name):
    # The example of save_model is load_model's too.
    assert get_doc_object(OBJECTS[name])["Examples"]


@pytest.mark.parametrize("name", [*OBJECTS, *METHODS])
def test_documented_defaults_are_the_signatures(name):
    found = (OBJECTS | METHODS)[name]
    documented = {
        parameter: description.type
        for description in get_doc_object(found)["Parameters"]
        for parameter in description.name.split(", ")
    }
    for parameter in inspect.signature(found).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            assert f"**{parameter.name}" in documented
            continue
        kind, _, default = documented[parameter.name].partition(", default=")
        assert kind
        if parameter.default is parameter.empty:
            assert default == ""
        else:
            # NaN is no literal.
            is_same = default == str(parameter.default)
            assert is_same or ast.literal_eval(default) == parameter.default
