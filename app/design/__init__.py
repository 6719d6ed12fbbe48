"""Designs: what a kind of document is, as frozen dataclasses read from YAML.

    designs/<database>/…  ──load_folder──┐
    documents design:…    ─load_documents┴→ Design(forms, views, keywords, …, problems)

Nothing here reads a document or knows a right; `app.forms` and `app.views` act on what is loaded here.
"""

from app.design.expressions import Expression, ExpressionError
from app.design.loader import load_documents, load_element, load_folder
from app.design.model import (
    Choice,
    Column,
    Design,
    Form,
    Item,
    Keywords,
    Label,
    Problem,
    Section,
    View,
)

__all__ = [
    "Choice",
    "Column",
    "Design",
    "Expression",
    "ExpressionError",
    "Form",
    "Item",
    "Keywords",
    "Label",
    "Problem",
    "Section",
    "View",
    "load_documents",
    "load_element",
    "load_folder",
]
