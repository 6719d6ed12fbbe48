"""Refusals in the words of the page: translated where there is a translation."""

from __future__ import annotations

from app.errors import DavenportError
from app.web import i18n


def said(problem: DavenportError) -> str:
    """The sentence of a refusal."""
    return i18n.say(problem.reason)


def fields_of(problem: DavenportError) -> dict[str, str]:
    """What stands beside which field; under `""` the sentence that belongs to no field."""
    if problem.fields:
        return {name: i18n.say(text) for name, text in problem.fields.items()}
    return {"": said(problem)}
