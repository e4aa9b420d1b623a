"""How the pages are built: `make docs`."""

from datetime import date
from importlib import metadata

project = "Kedge"
author = "The Kedge authors"
copyright = f"{date(2026, 1, 1).year}, {author}"
version = release = metadata.version("kedge")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Kedge"
html_theme_options = {"source_edit_link": ""}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
add_module_names = False
python_use_unqualified_type_names = True
nitpicky = False
