"""Settings of the site.  ``python -m docs.site`` lays out the pages that Sphinx reads, and calls it with this file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from docs.site import mathml
from harness import __version__

project, author, release = "Hemobench", "the Hemobench authors", __version__
project_copyright = "the Hemobench authors, MIT licence"
extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_nb", "sphinx_design"]
exclude_patterns = ["lessons/workspace"]
nitpicky = True
smartquotes = False  # -- is how an option begins
highlight_language = "none"  # what is indented is typed in a terminal, or drawn

# Lessons run only when asked to: all else is built in under a minute.
nb_execution_mode = "force" if os.environ.get("HEMOBENCH_LESSONS") else "off"
nb_execution_timeout = -1  # a slow machine is not a wrong lesson
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_ipywidgets_js: dict[str, object] = {}  # no page asks another site for anything
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

autodoc_typehints = "none"  # the signature has them
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "Hemobench"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = html_copy_source = False
html_show_search_summary = False  # it would fetch each page found, which a browser refuses of files
html_context = {"default_mode": "auto"}  # light or dark as the reader's system is
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,  # each question of "What people ask"
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_start": ["copyright"],
    "footer_end": [],
}


def name_what_unfolds(app, pagename, templatename, context, doctree):  # type: ignore[no-untyped-def]
    """Give the arrows of the sidebar a name: the theme has none, and a screen reader would say nothing of them."""
    theme_s = context["generate_toctree_html"]
    context["generate_toctree_html"] = lambda *words, **options: str(theme_s(*words, **options)).replace(
        "<summary>", '<summary aria-label="Pages below">'
    )


def setup(app):  # type: ignore[no-untyped-def]
    mathml.setup(app)
    app.connect("html-page-context", name_what_unfolds, priority=900)  # after the theme's own
