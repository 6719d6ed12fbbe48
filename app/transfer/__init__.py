"""Import and export: tables from outside become documents, views become tables; long work runs as jobs.

    readers.py     xlsx and csv as streams of rows
    mapping.py     which column is which item
    converting.py  a cell as the value of an item
    importing.py   plan -> check -> run -> undo
    exporting.py   a view as xlsx or csv
    updating.py    one change to every document of a view
    jobs.py        progress, cancel, resume, undo; rows in node.db
    webhooks.py    changes told to other systems

Everything goes through a `Database` opened for a person: nothing here reads or writes what that person may
not.
"""
