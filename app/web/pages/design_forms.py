"""Forms and views changed without YAML: fields added, moved, called otherwise; views put together from columns.

The person fills in a page, the program writes the YAML and shows it; comments and everything else in the text stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.design import Design, Form
from app.design.views import SYSTEM_COLUMNS
from app.errors import BadRequest, DavenportError, NotFound
from app.forms.elements import save_element
from app.web import context
from app.web.admin import drafting, previewing, yamledit
from app.web.admin.directory import title_of
from app.web.admin.said import fields_of, said
from app.web.pages.designs import open_design

if TYPE_CHECKING:
    from app.access import Database

blueprint = Blueprint("design_forms", __name__, url_prefix="/admin/designs")


def _design(database: str) -> Design:
    design = context.node().catalog.design(database)
    if design is None:
        raise NotFound
    return design


def _form(database: str, name: str) -> Form:
    form = _design(database).forms.get(name)
    if form is None:
        raise NotFound
    return form


def path_of(text: str, section: str) -> tuple[yamledit.Step, ...]:
    """Where the items of a section stand; forms without sections keep theirs at the top."""
    if yamledit.entries(text, ("sections",)):
        return ("sections", {"name": section}, "items")
    return ("items",)


@blueprint.get("/<database>/form/<name>")
@context.sign_in_required
def form(database: str, name: str) -> Any:
    """A form as its sections and fields."""
    opened = open_design(database)
    found = _form(database, name)
    _text, document = previewing.text_of(opened, "form", name)
    words = {kind.type: kind.label for kind in drafting.kinds()}
    return render_template(
        "admin/form_fields.html",
        database=database,
        title_text=title_of(database),
        form=found,
        words=words,
        rev=document["_rev"],
        views=[view for view in _design(database).views.values() if name in view.forms],
    )


@blueprint.route("/<database>/form/<name>/add", methods=["GET", "POST"])
@context.sign_in_required
def add_field(database: str, name: str) -> Any:
    """One more field."""
    opened = open_design(database)
    found = _form(database, name)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            entry = drafting.field(request.form, found, _design(database))
            text, document = previewing.text_of(opened, "form", name)
            section = request.form.get("section", found.sections[-1].name if found.sections else "")
            _store(opened, name, yamledit.add(text, path_of(text, section), entry), document["_rev"])
        except DavenportError as problem:
            errors = fields_of(problem)
        else:
            flash(_("The field “%(name)s” has been added.", name=_shown(entry["label"])), "success")
            return _after(database, name, entry["name"])
    return _field_page(database, found, request.form or {"section": request.args.get("section", "")}, errors, None)


def _shown(words: dict[str, str]) -> str:
    return words.get(g.language) or next(iter(words.values()))


def _after(database: str, name: str, field: str) -> Any:
    return redirect(url_for("design_forms.form", database=database, name=name) + f"#field-{field}", 303)


@blueprint.route("/<database>/form/<name>/field/<item>", methods=["GET", "POST"])
@context.sign_in_required
def field(database: str, name: str, item: str) -> Any:
    """A field's label, hint, choices, whether it is required. Name and type stay: documents hold them."""
    opened = open_design(database)
    found = _form(database, name)
    held = found.items.get(item)
    if held is None:
        raise NotFound
    text, document = previewing.text_of(opened, "form", name)
    path = path_of(text, held.section)
    rows = yamledit.entries(text, path)
    index = next((n for n, row in enumerate(rows) if row.get("name") == item), -1)
    if index < 0:
        raise NotFound
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            entry = drafting.field(request.form, found, _design(database), old=rows[index])
            _store(opened, name, yamledit.replace(text, path, index, entry), document["_rev"])
        except DavenportError as problem:
            errors = fields_of(problem)
        else:
            flash(_("Saved"), "success")
            return _after(database, name, item)
    values = request.form if errors else _values(rows[index])
    return _field_page(database, found, values, errors, rows[index])


def _values(entry: dict[str, Any]) -> dict[str, str]:
    def words(key: str, code: str) -> str:
        value = entry.get(key)
        return str(value.get(code, "")) if isinstance(value, dict) else str(value or "") if code == "en" else ""

    return {
        "label_en": words("label", "en"),
        "label_zh": words("label", "zh"),
        "help_en": words("help", "en"),
        "help_zh": words("help", "zh"),
        "required": "1" if entry.get("required") else "",
        "multiple": "1" if entry.get("multiple") else "",
        "keywords": str(entry.get("keywords") or ""),
        "choices": drafting.choices_text(entry),
    }


def _field_page(database: str, form: Form, values: Any, errors: dict[str, str], old: dict[str, Any] | None) -> Any:
    page = render_template(
        "admin/field.html",
        database=database,
        title_text=title_of(database),
        form=form,
        values=values,
        errors=errors,
        old=old,
        kinds=drafting.kinds(),
        lists=_design(database).keywords.values(),
        targets=_targets(),
        taken=list(form.items),
    )
    return page, 400 if errors else 200


def _targets() -> list[tuple[str, str]]:
    """Forms that a link may point to."""
    found = []
    for info in context.readable_databases():
        design = context.node().catalog.design(info.name)
        for form in design.forms.values() if design else ():
            if not form.response_to:
                found.append((f"{info.name}/{form.name}", f"{title_of(info.name)}: {context.label(form.label)}"))
    return found


def _store(opened: Database, name: str, text: str, rev: str) -> None:
    """Check and save a form. BadRequest with the first mistake."""
    own, others = previewing.problems(opened, _design(opened.name), "form", name, text)
    for problem in [*own, *others]:
        raise BadRequest(_("This does not fit: %(reason)s", reason=str(problem)))
    left = save_element(opened, _design(opened.name), "form", name, text, rev)
    if left:
        raise BadRequest(str(left[0]))


@blueprint.post("/<database>/form/<name>/field/<item>/move")
@context.sign_in_required
def move_field(database: str, name: str, item: str) -> Any:
    """One place up or down in its section, or away."""
    opened = open_design(database)
    held = _form(database, name).items.get(item)
    if held is None:
        raise NotFound
    text, document = previewing.text_of(opened, "form", name)
    path = path_of(text, held.section)
    rows = yamledit.entries(text, path)
    index = next((n for n, row in enumerate(rows) if row.get("name") == item), -1)
    step = {"up": -1, "down": 1}.get(request.form.get("to", ""), 0)
    try:
        if request.form.get("to") == "away":
            _store(opened, name, yamledit.remove(text, path, index), document["_rev"])
            flash(_("The field is gone from the form. Documents keep what they hold in it."), "success")
        elif step and 0 <= index + step < len(rows):
            _store(opened, name, yamledit.move(text, path, index, index + step), document["_rev"])
    except DavenportError as problem:
        flash(said(problem), "error")
    return _after(database, name, item)


@blueprint.post("/<database>/form/<name>/section")
@context.sign_in_required
def add_section(database: str, name: str) -> Any:
    """One more section at the end."""
    opened = open_design(database)
    found = _form(database, name)
    text, document = previewing.text_of(opened, "form", name)
    try:
        if not yamledit.entries(text, ("sections",)):
            raise BadRequest(_("This form keeps its fields without sections; add them in the text."))
        named = drafting.label(request.form.get("label_en", ""), request.form.get("label_zh", ""))
        taken = [section.name for section in found.sections]
        section = {"name": drafting.name_of(named["en"], taken, "section"), "label": named, "items": []}
        _store(opened, name, yamledit.add(text, ("sections",), section), document["_rev"])
        flash(_("The section has been added."), "success")
    except DavenportError as problem:
        flash(next(iter(fields_of(problem).values())), "error")
    return redirect(url_for("design_forms.form", database=database, name=name), 303)


# -- views


@blueprint.route("/<database>/add-view", methods=["GET", "POST"])
@context.sign_in_required
def add_view(database: str) -> Any:
    """A view from a few choices."""
    opened = open_design(database)
    design = _design(database)
    values: Any = request.form if request.method == "POST" else request.args
    chosen = design.forms.get(values.get("form", "")) or next(iter(design.forms.values()))
    errors: dict[str, str] = {}
    preview = None
    if request.method == "POST" and request.form.get("action") != "form":
        try:
            name, text = drafting.view(request.form, design)
            if request.form.get("action") == "preview":
                preview = previewing.view_sample(opened, name, text, design)
            else:
                left = save_element(opened, design, "view", name, text)
                if left:
                    raise BadRequest(str(left[0]))
                flash(_("The view has been added."), "success")
                return redirect(url_for("views.view", database=database, view=name), 303)
        except DavenportError as problem:
            errors = fields_of(problem)
    page = render_template(
        "admin/view_add.html",
        database=database,
        title_text=title_of(database),
        forms=design.forms.values(),
        form=chosen,
        values=values,
        columns=values.getlist("columns") or _first_columns(chosen),
        system=[(name, label) for name, (_kind, label) in SYSTEM_COLUMNS.items() if name in SHOWN],
        errors=errors,
        sample=preview,
    )
    return page, 400 if errors else 200


SHOWN = ("created_by", "created_at", "changed_by", "changed_at")


def _first_columns(form: Form) -> list[str]:
    large = ("richtext", "attachment", "table", "longtext")
    return [item.name for item in form.items.values() if item.type not in large][:4]
