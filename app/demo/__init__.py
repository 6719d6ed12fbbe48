"""Demo data: a small trading company for trying things out, and bulk data for measuring.

install_demo(node)                                       people and a year of records, see company.py
generate(databases, directory, documents=…, seed=…)      10,000 to 1,000,000 documents, see generator.py
"""

from app.demo.company import build as install_demo
from app.demo.generator import generate

__all__ = ["generate", "install_demo"]
