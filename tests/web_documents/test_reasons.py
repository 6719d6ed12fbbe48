"""Who may see a document, in words of both languages."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web_documents.test_documents import sign_in

WORDS = [("en", ("Author", "listed as reader")), ("zh", ("作者", "在读者名单中"))]


@pytest.mark.parametrize(("language", "words"), WORDS)
def test_who_may_see_is_said_in_words(
    client: FlaskClient, customer: str, language: str, words: tuple[str, ...]
) -> None:
    sign_in(client, "north")
    page = client.get(f"/db/customers/doc/{customer}/access", headers={"Accept-Language": language})
    shown = page.get_data(as_text=True)
    assert all(word in shown for word in words)
    assert ">author " not in shown
