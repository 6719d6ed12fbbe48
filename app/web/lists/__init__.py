"""What the page of a view needs: its address read and written, its columns, its rows as cells, boards and
calendars.

    address ──state──▶ ViewQuery ──app.views──▶ rows ──grid──▶ groups of shown rows ──templates/view/*
    preferences ──columns──▶ which columns, in which order, how wide
    editor: one cell as an input, and what was typed read back     bulk: many documents as a job

Only the blueprints in `app/web/pages` speak HTTP.
"""
