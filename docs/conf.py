"""How Sphinx builds these pages: `make docs` runs it, offline, with warnings as errors."""

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build"
sys.path.insert(0, str(HERE / "site"))
# what runs the tutorials keeps its files here, and finds no settings of a user's
for name, folder in (("IPYTHONDIR", "ipython"), ("JUPYTER_CONFIG_DIR", "jupyter")):
    os.environ[name] = str(BUILD / "notebooks" / folder)
os.environ["PYTHONWARNINGS"] = "default"
# a kernel warns that it listens on the loopback interface: for code that is printed here anyway
profile = BUILD / "notebooks" / "ipython" / "profile_default"
profile.mkdir(parents=True, exist_ok=True)
(profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 'ERROR'\n")

project = "Synthetic oversampling"
author = "The synthetic-oversampling authors"
release = installed("synthetic-oversampling")
version = release
html_title = f"Synthetic oversampling {release}"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "mathml",
    "reference",
    "gallery",
    "theorem_pages",
    "built",
]
exclude_patterns = ["site"]
suppress_warnings = ["config.cache"]
html_theme = "furo"
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 4

nb_execution_mode = "cache"
nb_execution_cache_path = str(BUILD / "notebooks" / "cache")
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 300
nb_merge_streams = True

default_role = "py:obj"  # `name` in a docstring links to it where there is such a name
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_inherit_docstrings = True
add_module_names = False
maximum_signature_line_length = 88
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
viewcode_follow_imported_members = False  # an entry stands with the module that defines it
viewcode_line_numbers = True
