"""Views: documents in order, under categories, with totals, each person seeing what they may.

collation ─ pinyin       sort keys as bytes
orders ─ keys ─ entries  what a document has in the index: pure
index ─ runs ─ totals    following writes, in documents.db
filters ─ query ─ plans  from what is asked to positions in an order
pages ─ views            rows, categories, boards, calendars
marks                    unread marks (node.db)
checking                 `davenport check`
"""

from app.views.marks import Marks
from app.views.shapes import BoardColumn, CategoryRow, Page, Row, Totals, ViewQuery
from app.views.views import Views

__all__ = ["BoardColumn", "CategoryRow", "Marks", "Page", "Row", "Totals", "ViewQuery", "Views"]
