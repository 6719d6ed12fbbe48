"""Rich text: Markdown to HTML that is safe to show, kept in memory: most texts are read far more than written.

markdown-it-py makes the HTML (raw HTML in the text is escaped), nh3 removes whatever a page must not hold. Links leave
with `noopener`; images are shown only from this node's own attachments, so reading a document tells no other server.
"""

from __future__ import annotations

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto", "tel"}

_parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


def _own_images(tag: str, name: str, value: str) -> str | None:
    if tag == "img" and name == "src":
        return value if value.startswith("/") and not value.startswith(("//", "/\\")) else None
    return value


@lru_cache(maxsize=2048)
def _safe(text: str) -> str:
    return nh3.clean(
        _parser.render(text),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow",
        attribute_filter=_own_images,
    )


def render(text: str) -> Markup:
    """A Markdown text as safe HTML."""
    return Markup(_safe(text))  # noqa: S704 - cleaned by nh3 just above
