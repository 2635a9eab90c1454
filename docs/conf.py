"""Sphinx configuration; no extension needs the network."""

import inspect
import os
import sys
from importlib import import_module
from pathlib import Path

from sklearn.datasets import get_data_home

import sk_mmoe

sys.path.insert(0, str(Path(__file__).parent))

project = "sk_mmoe"
author = "The sk_mmoe developers"
project_copyright = f"2026, {author}"
version = release = sk_mmoe.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]
default_role = "literal"

# An example is copied without prompts and output.
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# numpydoc has the types in words; the signature would repeat them in code.
autodoc_typehints = "none"
numpydoc_show_class_members = False


# On its page a class has the methods that this package gives it, but not scikit-learn's and
# torch's, nor the hooks that they call.
autosummary_context = {
    "own_methods": {
        f"{module}.{name}": [
            method
            for method, function in inspect.getmembers(cls, inspect.isroutine)
            # Class methods too, such as `from_estimator` of the displays.
            if (getattr(function, "__module__", None) or "").startswith("sk_mmoe.")
            and not method.startswith(("_", "on_", "extra_repr", "network_parameters"))
        ]
        for module in (
            "sk_mmoe",
            "sk_mmoe.callbacks",
            "sk_mmoe.datasets",
            "sk_mmoe.inspection",
            "sk_mmoe.metrics",
            "sk_mmoe.model_selection",
            "sk_mmoe.nn",
        )
        for name, cls in inspect.getmembers(import_module(module), inspect.isclass)
    }
}

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "doc_module": "sk_mmoe",
    "reset_argv": "_gallery.arguments",
    "parallel": 2,
    "download_all_examples": False,
    "show_signature": False,
    # Such as the one that chooses a thumbnail.
    "remove_config_comments": True,
    "write_computation_times": False,
}
# The example of Census-Income needs its files, which are not downloaded.
if not (Path(os.environ.get("SK_MMOE_DATA") or get_data_home()) / "census_income").exists():
    sphinx_gallery_conf["ignore_pattern"] = r"__init__\.py|plot_census\.py"
# Where the built pages are published, such as "owner/name", each example has a button that runs its
# notebook on Binder.
if repository := os.environ.get("DOCS_REPOSITORY"):
    owner, name = repository.split("/")
    sphinx_gallery_conf["binder"] = {
        "org": owner,
        "repo": name,
        "branch": os.environ.get("DOCS_BRANCH", "gh-pages"),
        "binderhub_url": "https://mybinder.org",
        "dependencies": ["binder/requirements.txt"],
        "notebooks_dir": "notebooks",
        "use_jupyter_lab": True,
    }

html_theme = "pydata_sphinx_theme"
html_title = f"sk_mmoe {release}"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
# Pages without neighbours need no navigation on the left.
html_sidebars = {"index": [], "getting_started": []}
html_show_sourcelink = False
# Without it the theme complains on the first visit.
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "sk_mmoe", "alt_text": "sk_mmoe, home"},
    "show_toc_level": 2,
    "navigation_with_keys": False,
}
# Where several versions are published, a menu switches between them.
if versions := os.environ.get("DOCS_VERSIONS"):
    html_theme_options["switcher"] = {"json_url": versions, "version_match": release}
    html_theme_options["check_switcher"] = False
    html_theme_options["navbar_end"] = ["version-switcher", "theme-switcher", "navbar-icon-links"]
