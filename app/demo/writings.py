"""Articles, standard answers and discussions of the demo company."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.demo.events import Story, attached, pdf
from app.demo.reading import load

CONTRIBUTORS = (
    "leader",
    "north",
    "south",
    "zhao.min",
    "huang.lan",
    "support",
    "zhou.jun",
)  # they write, editors publish


def articles(story: Story) -> None:
    """Articles as their authors wrote them; those of contributors were drafts until the editor published them."""
    for row in load("articles.yaml"):
        state = row.get("state", "published")
        author = row["author"]
        author = author if author in (*CONTRIBUTORS, "admin") else "editor"
        items: dict[str, Any] = {
            "form": "article", "title": row["title"], "category": row["category"], "language": row["language"],
            "body": row["body"], "tags": row.get("tags"), "audience": row.get("audience"),
            "valid_until": story.day(-150) if row["category"] == "price_list" else None,
        }  # fmt: skip
        if "file" in row:
            items |= attached({row["file"]: _content(row)})
        contributed = author in CONTRIBUTORS and state == "published"
        items["state"] = "draft" if contributed else state
        moment = story.at(row["days"])
        id = story.add("knowledge", author, moment, items)
        if contributed:
            story.change("knowledge", author, moment + timedelta(minutes=20), id, {"state": "review"})
            story.change("knowledge", "editor", moment + timedelta(hours=20), id, {"state": "published"})


def _content(row: dict[str, Any]) -> bytes:
    text = f"{row['title']}\n\n{row['body']}\n"
    if row["file"].endswith(".pdf"):
        return pdf(row["title"].replace("—", "-"), row["body"].replace("—", "-").splitlines())
    return text.encode()


def questions(story: Story) -> None:
    """The library of standard answers."""
    for row in load("questions.yaml"):
        items = {
            "form": "standard_question",
            **{name: row[name] for name in ("question", "answer", "category", "language")},
        }
        story.add("knowledge", "support", story.at(row["days"]), items)


def threads(story: Story) -> None:
    """Topics with replies, up to five levels deep."""
    for row in load("threads.yaml"):
        title, category, author, days, *marks = row["t"].split("|")
        anonymous = "anonymous" in marks
        moment = story.at(int(days))
        items = {
            "form": "anonymous_topic" if anonymous else "topic",
            "title": title,
            "category": category,
            "body": row["b"],
        }
        topic = story.add("discussion", author, moment, items)
        _replies(story, topic, moment, row["r"])


def _replies(story: Story, topic: str, moment: datetime, rows: list[str]) -> None:
    path = [topic]
    for row in rows:
        depth = len(row) - len(row.lstrip(">"))
        author, _, text = row.lstrip("> ").partition(" ")
        moment = story.later(moment, story.rng.randint(15, 400))
        del path[depth + 1 :]
        path.append(story.add("discussion", author, moment, {"form": "reply", "parent": path[depth], "body": text}))
