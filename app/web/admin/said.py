"""Refusals in the words of the page: translated where there is a translation."""

from __future__ import annotations

from flask_babel import gettext as _

from app.errors import DavenportError


def said(problem: DavenportError) -> str:
    """The sentence of a refusal."""
    return str(_(problem.reason)) if "%" not in problem.reason else problem.reason


def fields_of(problem: DavenportError) -> dict[str, str]:
    """What stands beside which field; under `""` the sentence that belongs to no field."""
    if problem.fields:
        return {name: said(type(problem)(text)) for name, text in problem.fields.items()}
    return {"": said(problem)}
