"""How the pages are built: `make docs`."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Kedge"
author = "The Kedge authors"
copyright = author
version = release = metadata.version("kedge")

extensions = ["myst_parser", "sphinx.ext.autodoc", "reference_pages", "object_pages"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
default_role = "code"
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
