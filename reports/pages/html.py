"""The page's templates, and one part of it made from one of them.

Templates are in `templates/`, a file a section. Whatever is put into one is escaped, unless it is
`Markup` already; a name that a template asks for and does not get is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own.

    Attributes:
        id: anchor of the section, unique on the page.
        title: its heading.
        template: file of `templates/` that makes its content.
        values: what the template reads.
        short: what the contents list calls it; the title up to a colon or comma if empty.
    """

    id: str
    title: str
    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    short: str = ""

    @property
    def content(self) -> Markup:
        """The section's HTML, without its heading."""
        return filled(self.template, self.values)

    @property
    def name(self) -> str:
        """The entry of the contents list."""
        return self.short or self.title.replace(":", ",").partition(",")[0]


def filled(template: str, values: Mapping[str, Any]) -> Markup:
    """Return the HTML that a template makes of some values."""
    return Markup(_environment().get_template(template).render(**values))


def asset(name: str) -> Markup:
    """Return a file of `assets/`, to stand in a page as it is."""
    return Markup(files("reports").joinpath("assets", name).read_text(encoding="utf-8"))


def unbroken(text: str) -> str:
    """Return a text in which no end of a line parts a number from its per cent sign."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = unbroken
    return environment
